#!/usr/bin/env python3
"""BPE training and encoding with the tokenizers that others use, on the posts that `mynah bench bpe` measures on.

    python3 -m venv /tmp/venv && /tmp/venv/bin/pip install tokenizers tiktoken
    mynah tokenizer train --input POSTS.txt --vocab 8192 --out tokenizer.json      # see --write-posts
    /tmp/venv/bin/python bench/peers_tokenizers.py --data-dir ../shared/data --tokenizer tokenizer.json

One thread, CPU seconds of the process, medians. `tokenizers` loads our tokenizer.json as it is and trains with the same
splitter, alphabet and special tokens; its vocabulary and merges are compared with ours. tiktoken has no trainer; it encodes with
our merges and with the nearest pattern it can express (a number never takes the blank before it).
"""
import argparse
import glob
import json
import os
import platform
import statistics
import time

os.environ["RAYON_NUM_THREADS"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"

PATTERN = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"


def posts(data_dir):
    ret = []
    for path in sorted(glob.glob(os.path.join(data_dir, "tweeteval/**/*_text.txt"), recursive=True)):
        with open(path, encoding="utf-8", newline="\n") as f:
            ret += f.read().rstrip("\n").split("\n")
    for year in ("2011", "2012"):
        with open(os.path.join(data_dir, "trec-microblog", year, "posts.jsonl"), encoding="utf-8") as f:
            ret += [json.loads(line)["text"].replace("\n", " ") for line in f]
    return ret


def cpu_seconds(work, reps):
    times = []
    for _ in range(reps):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return statistics.median(times)


def report(name, mb, seconds):
    print("%-44s %8.2f CPU s %8.2f MB/s" % (name, seconds, mb / seconds), flush=True)


def train(lines, ours, mb, reps):
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    made = {}

    def work():
        t = Tokenizer(models.BPE())
        t.pre_tokenizer = pre_tokenizers.Sequence([
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False, trim_offsets=True, use_regex=True)])
        t.train_from_iterator(lines, trainers.BpeTrainer(
            vocab_size=len(ours["model"]["vocab"]), min_frequency=2, show_progress=False,
            special_tokens=[x["content"] for x in ours["added_tokens"]],
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
        made["t"] = t

    report("tokenizers: train", mb, cpu_seconds(work, reps))
    model = json.loads(made["t"].to_str())["model"]
    merges = [" ".join(m) if isinstance(m, list) else m for m in model["merges"]]
    print("  vocabulary the same: %s, merges the same: %s"
          % (model["vocab"] == ours["model"]["vocab"], merges == ours["model"]["merges"]))


def encode_hf(lines, path, mb, reps):
    from tokenizers import Tokenizer

    t = Tokenizer.from_file(path)
    report("tokenizers: encode, a post a call", mb, cpu_seconds(lambda: [t.encode(x).ids for x in lines], reps))
    report("tokenizers: encode_batch_fast", mb, cpu_seconds(lambda: t.encode_batch_fast(lines), reps))


def encode_tiktoken(lines, ours, mb, reps):
    import tiktoken

    special = {x["content"]: x["id"] for x in ours["added_tokens"]}
    chars = {}
    extra = 0
    for b in range(256):
        itself = 0x21 <= b <= 0x7E or 0xA1 <= b <= 0xAC or 0xAE <= b <= 0xFF
        chars[chr(b if itself else 256 + extra)] = b
        extra += not itself
    ranks = {bytes(chars[c] for c in name): id for name, id in ours["model"]["vocab"].items() if name not in special}
    t = tiktoken.Encoding("mynah", pat_str=PATTERN, mergeable_ranks=ranks, special_tokens=special)
    report("tiktoken: encode_ordinary, a post a call", mb, cpu_seconds(lambda: [t.encode_ordinary(x) for x in lines], reps))


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--data-dir", default="../shared/data")
    p.add_argument("--tokenizer", help="tokenizer.json trained by mynah on the same posts")
    p.add_argument("--write-posts", help="write the posts, one a line, to this file and stop")
    p.add_argument("--reps", type=int, default=3)
    a = p.parse_args()
    lines = posts(a.data_dir)
    if a.write_posts:
        with open(a.write_posts, "w", encoding="utf-8", newline="\n") as f:
            f.write("\n".join(lines) + "\n")
        return
    import tiktoken
    import tokenizers

    mb = sum(len(x.encode()) + 1 for x in lines) / 1e6
    print("python %s, tokenizers %s, tiktoken %s; %d posts, %.1f MB"
          % (platform.python_version(), tokenizers.__version__, tiktoken.__version__, len(lines), mb))
    with open(a.tokenizer, encoding="utf-8") as f:
        ours = json.load(f)
    train(lines, ours, mb, a.reps)
    encode_hf(lines, a.tokenizer, mb, a.reps)
    encode_tiktoken(lines, ours, mb, a.reps)


main()
