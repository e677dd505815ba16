#!/usr/bin/env python3
"""The posts on which the quality of an hour's training is measured (docs/benchmarks.md), as JSON lines for `mynah import`:

    python3 bench/quality_posts.py --data-dir ../shared/data >posts.jsonl

TREC Microblog 2011 and 2012 and CrisisLex as they are; the training texts of TweetEval, which have neither ids nor times, with made ones
of January 2018. What stands in several of them is left to the corpus to find."""
import argparse
import datetime
import glob
import json
import os
import sys

TWITTER_EPOCH_MS = 1288834974657


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--data-dir", default="../shared/data")
    data = p.parse_args().data_dir
    files = sorted(glob.glob(os.path.join(data, "trec-microblog/*/posts.jsonl"))
                   + glob.glob(os.path.join(data, "crisislex/*.jsonl")))
    texts = sorted(glob.glob(os.path.join(data, "tweeteval/**/train_text.txt"), recursive=True))
    if not files or not texts:
        sys.exit(f"no posts in '{data}'; --data-dir names the folder")
    for path in files:
        with open(path, encoding="utf-8") as f:
            for line in f:
                post = json.loads(line)
                print(json.dumps({k: post[k] for k in ("id", "created_at", "text")}, ensure_ascii=False))
    start = datetime.datetime(2018, 1, 1, tzinfo=datetime.timezone.utc)
    n = 0
    for path in texts:
        with open(path, encoding="utf-8", newline="\n") as f:
            for line in f:
                when = start + datetime.timedelta(seconds=n)
                ms = int(when.timestamp() * 1000)
                print(json.dumps({"id": str(ms - TWITTER_EPOCH_MS << 22), "created_at": when.strftime("%Y-%m-%dT%H:%M:%SZ"),
                                  "text": line.rstrip("\n")}, ensure_ascii=False))
                n += 1


main()
