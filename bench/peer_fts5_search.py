#!/usr/bin/env python3
"""SQLite's FTS5 on a million posts: the peer of `mynah bench search-million`.

Posts are mixed from TREC microblog 2011 and 2012 as there: whole posts first, then every second word replaced by a word of a
random other post. Prints CPU seconds to index and the percentiles of ranked top-50 queries (bm25), in milliseconds of CPU.

    python3 bench/peer_fts5_search.py ../shared/data [N]
"""
import json
import random
import sqlite3
import sys
import time


def load(data):
    years = []
    for year in ("2011", "2012"):
        folder = f"{data}/trec-microblog/{year}"
        texts = [json.loads(line)["text"] for line in open(f"{folder}/posts.jsonl", encoding="utf-8")]
        topics = [json.loads(line)["query"] for line in open(f"{folder}/topics.jsonl", encoding="utf-8")]
        years.append((texts, topics))
    return years


def posts(years, n):
    rng = random.Random(1)
    for i in range(n):
        texts = years[i % 2][0]
        words = texts[i // 2 % len(texts)].split()
        if i // 2 >= len(texts):
            for k in range(1, len(words), 2):
                other = rng.choice(years[rng.randrange(2)][0]).split()
                if other:
                    words[k] = rng.choice(other)
        yield " ".join(words)


def terms(query):
    words = "".join(c if c.isalnum() else " " for c in query).split()
    return " OR ".join(f'"{w}"' for w in dict.fromkeys(words))


def main():
    data = sys.argv[1] if len(sys.argv) > 1 else "../shared/data"
    n = int(sys.argv[2]) if len(sys.argv) > 2 else 1_000_000
    years = load(data)
    db = sqlite3.connect(":memory:")
    db.execute("CREATE VIRTUAL TABLE t USING fts5(x, content='', tokenize='porter')")
    spent = 0.0
    batch = []
    for i, text in enumerate(posts(years, n), 1):
        batch.append((i, text))
        if len(batch) == 50_000 or i == n:
            started = time.process_time()
            db.executemany("INSERT INTO t(rowid, x) VALUES (?, ?)", batch)
            spent += time.process_time() - started
            batch.clear()
    started = time.process_time()
    db.commit()
    spent += time.process_time() - started
    print(f"sqlite {sqlite3.sqlite_version}: indexed {n} posts in {spent:.1f} s CPU, {n / spent:.0f} posts/s")
    for name, queries in (
        ("TREC topics", years[0][1] + years[1][1]),
        ("common words", ["the", "to", "a", "in", "of", "and", "i", "for", "rt", "on"]),
    ):
        times = []
        for query in queries:
            started = time.process_time()
            db.execute("SELECT rowid FROM t WHERE t MATCH ? ORDER BY rank LIMIT 50", (terms(query),)).fetchall()
            times.append((time.process_time() - started) * 1e3)
        times.sort()
        print(f"{name}: p50 {times[len(times) // 2]:.1f} ms, p99 {times[int(len(times) * 0.99)]:.1f} ms")


if __name__ == "__main__":
    main()
