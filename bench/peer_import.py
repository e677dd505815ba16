#!/usr/bin/env python3
"""JSON lines into SQLite by other programs: the peers' numbers beside `mynah bench import` in docs/benchmarks.md.

Each program imports the same file into a new database, in a process of its own; CPU seconds are of that process, the
median of several runs. Without --mynah only the peers are run. Needs sqlite-utils from PyPI, and nothing for the other peer.

    python3 bench/peer_import.py --mynah build/mynah posts.jsonl [--reps 3]
"""
import argparse
import importlib.metadata
import json
import os
import resource
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile

# What a careful script does: the columns of a post, two indexes that a timeline needs, transactions of 10,000.
PLAIN = """
import itertools, json, sqlite3, sys
db = sqlite3.connect(sys.argv[2])
db.executescript('''PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;
    CREATE TABLE posts (id INTEGER PRIMARY KEY, created_at TEXT, author TEXT, in_reply_to INTEGER, lang TEXT, text TEXT);
    CREATE INDEX by_author ON posts (author, id); CREATE INDEX by_parent ON posts (in_reply_to, id);''')
def row(line):
    p = json.loads(line)
    return int(p["id"]), p["created_at"], p.get("author"), p.get("in_reply_to"), p.get("lang"), p["text"]
with open(sys.argv[1], encoding="utf-8") as f:
    while lines := list(itertools.islice(f, 10000)):
        with db: db.executemany("INSERT OR IGNORE INTO posts VALUES (?,?,?,?,?,?)", map(row, lines))
"""


def run(command):
    """CPU seconds (user and system) and peak memory in MB of a child."""
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    if status:
        sys.exit(f"failed: {' '.join(command)}")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def measure(name, posts, reps, command):
    cpu, memory = [], []
    for _ in range(reps):
        folder = tempfile.mkdtemp()
        try:
            c, m = run(command(folder))
        finally:
            shutil.rmtree(folder)
        cpu.append(c)
        memory.append(m)
    c = statistics.median(cpu)
    print(json.dumps({"program": name, "posts": posts, "cpu_s": round(c, 3), "posts_per_cpu_s": round(posts / c),
                      "peak_rss_mb": round(max(memory), 1), "reps": reps}))


def main():
    a = argparse.ArgumentParser()
    a.add_argument("file")
    a.add_argument("--mynah")
    a.add_argument("--reps", type=int, default=3)
    o = a.parse_args()
    with open(o.file, "rb") as f:
        posts = sum(1 for _ in f)
    tools = os.path.join(os.path.dirname(sys.executable), "sqlite-utils")
    if o.mynah:
        measure("mynah import", posts, o.reps, lambda d: [o.mynah, "import", o.file, "--data", d, "--json"])
    measure(f"Python {sys.version.split()[0]} json, sqlite3 {sqlite3.sqlite_version}", posts, o.reps,
            lambda d: [sys.executable, "-c", PLAIN, o.file, d + "/posts.db"])
    measure(f"sqlite-utils {importlib.metadata.version('sqlite-utils')} insert --nl", posts, o.reps,
            lambda d: [tools, "insert", d + "/posts.db", "posts", o.file, "--nl", "--pk", "id", "--ignore",
                       "--silent"])


main()
