#!/usr/bin/env python3
"""The experiments behind the rule by which `mynah train` chooses preset, batch, rate and passes (src/model/rule.c), and its fit.

    python3 bench/fit_rule.py slice --from DATA/corpus/NAME --every 25 --to DATA/corpus/NAME-25
    python3 bench/fit_rule.py run --mynah build/mynah --data DATA --corpus NAME --grid batch --results bench/fit_rule.jsonl
    python3 bench/fit_rule.py fit --results bench/fit_rule.jsonl

slice: a corpus of every k-th document of another, with its vocabulary and what it holds out, so that bits per byte of both compare.
run: trains what a grid lists, one after the other on one thread, and adds a JSON line for each; what stands in the file is not done again.
fit: the constants of the rule by plain least squares, and what it is uncertain of. Needs nothing but Python."""
import argparse
import hashlib
import itertools
import json
import math
import os
import resource
import shutil
import struct
import subprocess
import sys
import time

ROW = 256  # tokens

# ---- slices of a corpus (src/text/shard.h has the layout) --------------------------------------------------------------


def read(*path):
    with open(os.path.join(*path), "rb") as f:
        return f.read()


def u64s(data):
    return struct.unpack(f"<{len(data) // 8}Q", data)


def slice_train(folder, every):
    """train.bin, .docs, .origin and .txt of each document whose number is a multiple of every."""
    tokens, text = read(folder, "train.bin")[1024:], read(folder, "train.txt")
    ends = u64s(read(folder, "train.docs"))
    origins = list(struct.iter_unpack("<6Q", read(folder, "train.origin")))
    offsets = [o[4] for o in origins] + [len(text)]
    out_tokens, out_text, out_ends, out_origins = bytearray(), bytearray(), [], []
    shift = {}
    for doc in range(0, len(ends), every):
        first = ends[doc - 1] if doc else 0
        shift[doc] = len(out_tokens) // 2 - first
        out_tokens += tokens[2 * first:2 * ends[doc]]
        out_ends.append(len(out_tokens) // 2)
    for i, (post, author, consent, first, offset, doc) in enumerate(origins):
        if doc % every:
            continue
        out_origins.append((post, author, consent, first + shift[doc], len(out_text), doc // every))
        out_text += text[offset:offsets[i + 1]]
    head = struct.pack("<256i", 20240520, 1, len(out_tokens) // 2, *[0] * 253)
    return {"train.bin": head + bytes(out_tokens), "train.docs": struct.pack(f"<{len(out_ends)}Q", *out_ends),
            "train.origin": b"".join(struct.pack("<6Q", *o) for o in out_origins), "train.txt": bytes(out_text)}


def make_slice(args):
    files = slice_train(args.source, args.every)
    for name in ("tokenizer.json", "val.bin", "val.docs", "val.origin", "val.txt"):
        files[name] = read(args.source, name)
    manifest = json.loads(read(args.source, "manifest.json"))
    manifest["name"] = os.path.basename(args.to)
    manifest["train"]["tokens"] = len(files["train.bin"]) // 2 - 512
    manifest["train"]["bytes"] = len(files["train.txt"]) - len(files["train.origin"]) // 48
    manifest["files"] = [{"name": n, "bytes": len(b), "sha256": hashlib.sha256(b).hexdigest()} for n, b in sorted(files.items())]
    manifest["sha256"] = hashlib.sha256(json.dumps(manifest["files"]).encode()).hexdigest()
    os.makedirs(args.to)
    for name, data in files.items():
        with open(os.path.join(args.to, name), "wb") as f:
            f.write(data)
    with open(os.path.join(args.to, "manifest.json"), "w", encoding="utf-8") as f:
        json.dump(manifest, f, indent=2)
    print(f"{args.to}: {manifest['train']['tokens']} tokens, {manifest['train']['bytes']} bytes to learn from")


# ---- the experiments ------------------------------------------------------------------------------------------------------


def spread(corpora="", presets=("nano",), batches=(0,), rates=(0,), decays=(0.1,), **budget):
    """One run for each combination; budget is one of steps, tokens, epochs: a list of what to try."""
    (key, amounts), = budget.items()
    return [{"slice": c, "preset": p, "batch": b, "rate": r, "decay": d, key: n}
            for c, p, n, b, r, d in itertools.product([corpora] if isinstance(corpora, str) else corpora, presets, amounts, batches, rates, decays)]


# slice "": the corpus itself; "-25": one of every 25 documents. batch in rows; 0 (batch, rate, decay): the rule's.
GRIDS = {
    "batch": spread(batches=(4, 8, 16), rates=(0.003, 0.006, 0.012), tokens=(300000,))
    + spread(batches=(4, 16), rates=(0.006,), tokens=(1200000,)),
    "width": spread(presets=("micro",), batches=(8,), rates=(0.0015, 0.003, 0.006, 0.012), steps=(120,)),
    "epochs": spread("-100", batches=(4,), rates=(0.005,), epochs=(1, 2, 4, 8, 16))
    + spread("-100", ("micro",), batches=(4,), rates=(0.003,), epochs=(1, 2, 4))
    + spread("-25", batches=(4,), rates=(0.005,), epochs=(1, 2, 4, 8))
    + spread("-8", batches=(8,), rates=(0.005,), epochs=(4, 8)),
    "decay": spread(batches=(8,), rates=(0.004,), decays=(0.3, 1, 3), steps=(600,))
    + spread("-25", batches=(4,), rates=(0.005,), decays=(0.1, 0.3, 1, 3), steps=(452,))
    + spread("-8", batches=(8,), rates=(0.005,), decays=(0.1, 0.3, 0.6, 1, 2, 3), steps=(705,))
    + spread("-8", batches=(8,), rates=(0.005,), decays=(0.1, 0.3, 1, 2), steps=(1410,))
    + spread("-8", batches=(8,), rates=(0.005,), decays=(1,), steps=(2820,)),
    "again": spread("-100", batches=(4,), rates=(0.005,), decays=(0,), epochs=(2, 4, 8, 16))
    + spread("-25", batches=(4,), rates=(0.005,), decays=(0,), epochs=(2, 4, 8, 16))
    + spread("-8", batches=(8,), rates=(0.005,), decays=(0,), epochs=(4, 8, 16))
    + spread("-100", ("micro",), batches=(4,), rates=(0.003,), decays=(0,), epochs=(2, 4, 8))
    + spread("-8", ("micro",), batches=(8,), rates=(0.003,), decays=(0,), epochs=(2, 4, 8)),
}


def same(a, b):
    keys = ("slice", "preset", "batch", "rate", "decay", "steps", "tokens", "epochs", "seed")
    return all(a.get(k, 0) == b.get(k, 0) for k in keys)


def load(path):
    if not os.path.exists(path):
        return []
    with open(path, encoding="utf-8") as f:
        return [json.loads(line) for line in f if line.strip()]


def train(args, job):
    """What came of it: what `mynah train` left in training.json, and the CPU that it took."""
    name = f"fit-rule-{os.getpid()}"
    folder = os.path.join(args.data, "models", name)
    shutil.rmtree(folder, ignore_errors=True)
    command = ["nice", "-n", "5", args.mynah, "train", "--data", args.data, "--corpus", args.corpus + job["slice"], "--preset", job["preset"],
               "--name", name, "--threads", "1", "--dtype", args.dtype, "--history", "0", "--seed", str(job["seed"]), "--json"]
    for key, option in (("batch", "--batch"), ("rate", "--lr"), ("decay", "--decay"), ("steps", "--steps"), ("tokens", "--tokens"), ("epochs", "--epochs")):
        if job.get(key):
            command += [option, str(job[key])]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    log = json.loads(read(folder, "training.json"))
    shutil.rmtree(folder)
    return {"decayed": round(log["decay"], 3), "dtype": args.dtype, "params": log["params"], "unique": log["train_tokens"], "seen": log["tokens"], "done": log["steps"],
            "peak": max(p["lr"] for p in log["curve"]), "bits": round(log["val_bits_per_byte"], 5),
            "cpu_s": round(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, 1)}


def run(args):
    end = time.monotonic() + args.seconds
    for job in GRIDS[args.grid][:args.first or None]:
        job = {**job, "seed": args.seed}
        if any(same(job, r) for r in load(args.results)):
            continue
        if time.monotonic() > end:
            sys.exit("time is up; the same command goes on with what is left")
        line = json.dumps({"grid": args.grid, **job, **train(args, job)})
        print(line, flush=True)
        with open(args.results, "a", encoding="utf-8") as f:
            f.write(line + "\n")


# ---- the fit --------------------------------------------------------------------------------------------------------------


def least_squares(rows, want):
    """x that makes |rows x - want| least, by the normal equations; and the root of the mean square that is left."""
    n = len(rows[0])
    a = [[sum(r[i] * r[j] for r in rows) for j in range(n)] + [sum(r[i] * w for r, w in zip(rows, want))] for i in range(n)]
    for i in range(n):
        best = max(range(i, n), key=lambda k: abs(a[k][i]))
        a[i], a[best] = a[best], a[i]
        if abs(a[i][i]) < 1e-12:
            raise ValueError("too few different runs for this fit")
        for k in range(n):
            if k != i:
                factor = a[k][i] / a[i][i]
                a[k] = [x - factor * y for x, y in zip(a[k], a[i])]
    x = [a[i][n] / a[i][i] for i in range(n)]
    left = [sum(c * v for c, v in zip(x, r)) - w for r, w in zip(rows, want)]
    return x, math.sqrt(sum(v * v for v in left) / len(left))


def rows_of(r):
    return r["seen"] / r["done"] / ROW


def fit_surface(runs):
    """bits = c0 + c1 b + c2 r + c3 b^2 + c4 b r + c5 r^2 with b, r the binary logarithms of batch (rows) and rate."""
    point = [(math.log2(max(r["batch"], 1)), math.log2(r["peak"])) for r in runs]
    c, left = least_squares([[1, b, r, b * b, b * r, r * r] for b, r in point], [r["bits"] for r in runs])
    det = 4 * c[3] * c[5] - c[4] * c[4]
    best = None
    if c[5] > 0 and det > 0:
        b = (c[4] * c[2] - 2 * c[5] * c[1]) / det
        r = (c[4] * c[1] - 2 * c[3] * c[2]) / det
        best = (2 ** b, 2 ** r)
    return best, -c[4] / (2 * c[5]) if c[5] > 0 else None, left


def parabola(runs):
    """The best rate of runs that differ in nothing else, three or more."""
    z = [math.log2(r["peak"]) for r in runs]
    c, _ = least_squares([[1, x, x * x] for x in z], [r["bits"] for r in runs])
    return 2 ** (-c[1] / (2 * c[2])) if c[2] > 0 else None


def say_batch(runs):
    for tokens in sorted({f"{r['preset']}, {r['seen']:.1e}" for r in runs}):
        of = [r for r in runs if f"{r['preset']}, {r['seen']:.1e}" == tokens]
        for batch in sorted({r["batch"] for r in of}):
            some = [r for r in of if r["batch"] == batch]
            best = min(some, key=lambda r: r["bits"])
            mid = parabola(some) if len({r["peak"] for r in some}) >= 3 else None
            print(f"{tokens} tokens, {batch} rows: least {best['bits']:.4f} at rate {best['peak']:g}"
                  + (f", parabola's least at {mid:.4g}" if mid else ""))
        if len(of) >= 9:
            best, slope, left = fit_surface(of)
            print(f"  surface: least at {best}, rate goes with batch to the {slope}, {left:.4f} left")


def law_terms(r, beta, power, share, alpha=0.34):
    """What bits per byte are made of (rule.c): 1, N^-alpha, D^-beta, and what knowing the corpus by heart costs."""
    again = max(r["seen"] / r["unique"] - 1, 0)
    return [1, r["params"] ** -alpha, r["seen"] ** -beta, again ** power * (1e6 / r["unique"]) ** share]


def fit_law(runs):
    """The powers by trying them, the rest by least squares; runs of many epochs, which no rule will choose, weigh less."""
    best = None
    for beta, power, share in itertools.product([b / 100 for b in range(6, 62, 2)], [p / 10 for p in range(8, 26)], [s / 20 for s in range(0, 21)]):
        weight = [1 / (1 + max(r["seen"] / r["unique"] - 1, 0)) for r in runs]
        try:
            x, left = least_squares([[w * t for t in law_terms(r, beta, power, share)] for w, r in zip(weight, runs)],
                                    [w * r["bits"] for w, r in zip(weight, runs)])
        except ValueError:
            continue
        if min(x) >= 0 and (best is None or left < best[0]):
            best = (left, beta, power, share, x)
    return best


def say_decay(runs):
    """rate * decay * steps for each epoch after the second: where bits per byte are least."""
    for r in sorted(runs, key=lambda r: (r["seen"], r["decay"])):
        more = r["seen"] / r["unique"] - 2
        print(f"{r['preset']}, {r['unique']} tokens x {more + 2:.2f}: decay {r['decay']:g}, {r['bits']:.4f}"
              + (f"; {r['peak'] * r['decay'] * r['done'] / more:.2f} for each epoch after the second" if more > 0 else ""))


def as_the_rule(r):
    """Whether a run's decay is about the rule's for as many epochs."""
    most = max(r["seen"] / r["unique"] - 2, 0) * 1.25 / (r["peak"] * r["done"])
    decay = r.get("decayed", r["decay"])
    return decay <= 0.1 and most <= 0.1 or 0.7 < decay / max(most, 1e-9) < 1.4


def best_unrepeated(runs):
    """Of each size and number of tokens, the best batch and rate."""
    best = {}
    for r in runs:
        key = (r["preset"], f"{r['seen']:.1e}")
        if r["grid"] in ("batch", "width") and (key not in best or r["bits"] < best[key]["bits"]):
            best[key] = r
    return list(best.values())


def say_law(runs):
    for key in sorted({(r["preset"], r["unique"]) for r in runs}):
        for r in sorted((r for r in runs if (r["preset"], r["unique"]) == key), key=lambda r: r["seen"]):
            print(f"{r['preset']}, {r['unique']} tokens x {r['seen'] / r['unique']:.2f}: {r['bits']:.4f} ({rows_of(r):.1f} rows, rate {r['peak']:.4g})")
    best = fit_law([r for r in runs if r["seen"] < 9 * r["unique"]])
    if best:
        left, beta, power, share, (e, a, b, p) = best
        print(f"bits = {e:.4f} + {a:.4f} N^-0.34 + {b:.4f} D^-{beta} + {p:.4f} (epochs - 1)^{power} (10^6 / U)^{share}; {left:.4f} left over {len(runs)} runs")
        for r in runs:
            print(f"  {r['preset']} {r['unique']} x {r['seen'] / r['unique']:.2f}: {r['bits']:.4f}, the law {sum(c * t for c, t in zip(best[4], law_terms(r, beta, power, share))):.4f}")


def tell(what, runs, say):
    if runs:
        print(f"-- {what}: {len(runs)} runs, {sum(r['cpu_s'] or 0 for r in runs):.0f} s of CPU")
        say(runs)


def fit(args):
    runs = load(args.results)
    for grid, say in (("batch", say_batch), ("width", say_batch), ("decay", say_decay)):
        tell(grid, [r for r in runs if r["grid"] == grid], say)
    tell("law", [r for r in runs if r["grid"] in ("epochs", "decay", "again") and as_the_rule(r)] + best_unrepeated(runs), say_law)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    sub = p.add_subparsers(required=True)
    s = sub.add_parser("slice")
    s.add_argument("--from", dest="source", required=True)
    s.add_argument("--every", type=int, required=True)
    s.add_argument("--to", required=True)
    s.set_defaults(do=make_slice)
    s = sub.add_parser("run")
    s.add_argument("--mynah", default="build/mynah")
    s.add_argument("--data", required=True)
    s.add_argument("--corpus", required=True)
    s.add_argument("--grid", choices=sorted(GRIDS), required=True)
    s.add_argument("--results", required=True)
    s.add_argument("--dtype", default="bf16")
    s.add_argument("--seed", type=int, default=1)
    s.add_argument("--seconds", type=float, default=600)
    s.add_argument("--first", type=int, default=0, help="only so many of the grid")
    s.set_defaults(do=run)
    s = sub.add_parser("fit")
    s.add_argument("--results", required=True)
    s.set_defaults(do=fit)
    args = p.parse_args()
    args.do(args)


main()
