#!/usr/bin/env python3
"""What nights of `mynah learn` do to a model on real posts (docs/design/current.md, "Measured"):

    python3 bench/nights.py --mynah build/mynah --data-dir ../shared/data --nights 4

Raises preset nano on the TREC Microblog posts of 2011 in a folder of its own, and then learns those of 2012 in their order, so many each
night. Prints a JSON line for the base and one for each night: the outcome, its measures before and after, seconds of CPU."""
import argparse
import json
import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile


def set_tweets(path, folder):
    """The labelled tweets that a night's toxicity is judged with."""
    with open(path, encoding="utf-8") as f:
        text = f.read()
    with open(path, "w", encoding="utf-8") as f:
        f.write(re.sub(r"(?m)^[# ]*learn_tweets *=.*$", "learn_tweets = " + folder, text))


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--mynah", default="build/mynah")
    p.add_argument("--data-dir", default="../shared/data")
    p.add_argument("--nights", type=int, default=4)
    p.add_argument("--posts", type=int, default=3000, help="new posts a night")
    p.add_argument("--steps", type=int, default=600, help="of the base")
    p.add_argument("--threads", default="1")
    p.add_argument("--dir", help="where to work; else a temporary folder that is removed")
    o = p.parse_args()
    work = o.dir or tempfile.mkdtemp(prefix="nights-")
    mynah, data = os.path.abspath(o.mynah), os.path.join(work, "data")

    def call(*args):
        r = subprocess.run([mynah, *args, "--data", data, "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if r.returncode:
            sys.exit(f"mynah {' '.join(args)}: {r.stderr}")
        return json.loads(r.stdout.splitlines()[-1])

    def posts(year):
        with open(os.path.join(o.data_dir, "trec-microblog", year, "posts.jsonl"), encoding="utf-8") as f:
            return sorted((json.loads(line) for line in f), key=lambda x: int(x["id"]))

    def bring(some):
        path = os.path.join(work, "posts.jsonl")
        with open(path, "w", encoding="utf-8") as f:
            for x in some:
                f.write(json.dumps({k: x[k] for k in ("id", "created_at", "text")}, ensure_ascii=False) + "\n")
        call("import", path, "--consent", "train_generative=allow")

    def spent():
        r = resource.getrusage(resource.RUSAGE_CHILDREN)
        return r.ru_utime + r.ru_stime

    def say(**line):
        print(json.dumps(line), flush=True)

    try:
        bring(posts("2011"))
        built = call("corpus", "build", "--name", "first", "--val-share", "0.05")
        r = call("train", "--corpus", "first", "--name", "first", "--preset", "nano", "--batch", "8", "--lr", "0.004", "--threads", o.threads,
                 "--steps", str(o.steps))
        call("model", "promote", "first")
        set_tweets(os.path.join(data, "mynah.conf"), os.path.abspath(os.path.join(o.data_dir, "tweeteval")))
        say(model="first", posts=built["posts_kept"], tokens=r["tokens"], steps=r["steps"], held_out=r["val_bits_per_byte"], cpu_s=round(spent()))
        new = posts("2012")
        for night in range(o.nights):
            before = spent()
            bring(new[night * o.posts:(night + 1) * o.posts])
            r = call("learn", "--minutes", "600")
            line = {"night": night + 1, "outcome": r["outcome"], "model": r["model"], "new_posts": r["new_posts"], "why": r["why"]}
            if r["model"]:
                folder = os.path.join(data, "models", r["model"])
                with open(os.path.join(folder, "decision.json"), encoding="utf-8") as f:
                    d = json.load(f)
                with open(os.path.join(folder, "training.json"), encoding="utf-8") as f:
                    line["steps"] = json.load(f)["steps"]
                line["replay"] = d["replay"]
                line["measures"] = {m["name"]: [m["before"], m["after"], m["limit"], m["worse"]] for m in d["measures"]}
                line["not_measured"] = d["not_measured"]
            say(**line, cpu_s=round(spent() - before))
    finally:
        if not o.dir:
            shutil.rmtree(work)


if __name__ == "__main__":
    main()
