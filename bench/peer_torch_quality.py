#!/usr/bin/env python3
"""What PyTorch makes of a corpus of `mynah corpus build` in the same time: the peer of docs/benchmarks.md, "An hour".

    python3 bench/peer_torch_quality.py --corpus mynah-data/corpus/NAME --minutes 60 --threads 2

The common recipe and no tricks: the corpus' tokenizer, documents one after another with an end between them, windows of 256 tokens at random,
the LLaMA of preset micro (peer_torch_train.py), AdamW (0.9, 0.95, decay 0.1 on matrices), clipping to 1, a short rise and a cosine to a tenth
by the clock, bfloat16, torch.compile. Bits per byte: of all tokens of the held-out documents and their ends, each document with what
stands before it in its window, over the bytes of their text, as mynah counts them. JSON lines; the last has "bits_per_byte". Needs torch and tokenizers."""
import argparse
import json
import math
import os
import time

import torch
import torch.nn as nn
import torch.nn.functional as F
from tokenizers import Tokenizer

from peer_torch_train import Llama

END = 1  # <|end|>


def tokens_of(path, tok):
    """Ids of all documents, an end after each; bytes of their text."""
    ids, size = [END], 0
    with open(path, encoding="utf-8", newline="\n") as f:
        lines = f.read().split("\n")
    lines = lines[:-1] if lines[-1] == "" else lines
    for at in range(0, len(lines), 10000):
        for e in tok.encode_batch(lines[at:at + 10000], add_special_tokens=False):
            ids += e.ids
            ids.append(END)
    for line in lines:
        size += len(line.encode())
    return torch.tensor(ids), size


def bits(model, ids, seq, rows=16):
    """Windows that overlap by half: each token but the first half's has at least seq / 2 before it."""
    total, step = 0.0, seq // 2
    padded = torch.cat([ids, torch.full((2 * seq,), -1)])
    starts = range(0, len(ids) - 1, step)
    model.eval()
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        for at in range(0, len(starts), rows):
            x = torch.stack([padded[i:i + seq + 1] for i in starts[at:at + rows]])
            want = x[:, 1:].clone()
            want[:, :seq - step] = torch.where(torch.arange(len(want))[:, None] + at == 0, want[:, :seq - step], -1)
            logits = model.logits(x[:, :-1].clamp(min=0)).float()
            total += F.cross_entropy(logits.flatten(0, 1), want.flatten(), ignore_index=-1, reduction="sum").item()
    model.train()
    return total / math.log(2)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--corpus", required=True)
    p.add_argument("--minutes", type=float, default=60)
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--batch", type=int, default=16)
    p.add_argument("--lr", type=float, default=1e-3)
    p.add_argument("--seq", type=int, default=256)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--no-compile", action="store_true")
    p.add_argument("--cpu-minutes", action="store_true", help="the minutes are of one processor's work, not of the clock")
    o = p.parse_args()
    torch.set_num_threads(o.threads)
    torch.manual_seed(o.seed)
    tok = Tokenizer.from_file(os.path.join(o.corpus, "tokenizer.json"))
    train, _ = tokens_of(os.path.join(o.corpus, "train.txt"), tok)
    held, held_bytes = tokens_of(os.path.join(o.corpus, "val.txt"), tok)
    model = Model(tok.get_vocab_size(), o.seq)
    groups = [{"params": [x for x in model.parameters() if x.dim() == 2], "weight_decay": 0.1},
              {"params": [x for x in model.parameters() if x.dim() < 2], "weight_decay": 0.0}]
    opt = torch.optim.AdamW(groups, lr=o.lr, betas=(0.9, 0.95), fused=True)
    run = model if o.no_compile else torch.compile(model)
    clock = time.process_time if o.cpu_minutes else time.monotonic
    budget, begin, step, told = o.minutes * 60, clock(), 0, -1  # begin moves: evaluations do not count
    while (gone := (clock() - begin) / budget) < 1:
        for g in opt.param_groups:
            g["lr"] = o.lr * min(1.0, (step + 1) / 100) * (0.1 + 0.45 * (1 + math.cos(math.pi * gone)))
        at = torch.randint(0, len(train) - o.seq - 1, (o.batch,))
        x = torch.stack([train[i:i + o.seq + 1] for i in at])
        opt.zero_grad(set_to_none=True)
        with torch.autocast("cpu", torch.bfloat16):
            loss = run(x[:, :-1], x[:, 1:])
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        opt.step()
        step += 1
        if int(gone * 12) > told:
            told, now = int(gone * 12), clock()
            print(json.dumps({"minutes": round((now - begin) / 60, 2), "steps": step, "tokens": step * o.batch * o.seq,
                              "loss": round(loss.item(), 4),
                              "bits_per_byte": round(bits(model, held, o.seq) / held_bytes, 4)}), flush=True)
            begin += clock() - now
    minutes = round((clock() - begin) / 60, 2)
    print(json.dumps({"peer": "torch " + torch.__version__, "minutes": minutes, "steps": step,
                      "tokens": step * o.batch * o.seq, "train_tokens": len(train),
                      "bits_per_byte": round(bits(model, held, o.seq) / held_bytes, 4)}))


class Model(Llama):
    """Preset micro with the corpus' vocabulary."""

    def __init__(self, vocab, seq):
        super().__init__(vocab, 256, 6, 4, 688, seq)

    def logits(self, ids):
        x = self.embed(ids)
        for b in self.blocks:
            x = b(x, self.cos[:ids.shape[1]], self.sin[:ids.shape[1]])
        return F.linear(self.norm(x), self.embed.weight)

    def forward(self, ids, targets):
        return F.cross_entropy(self.logits(ids).flatten(0, 1).float(), targets.flatten())


if __name__ == "__main__":
    main()
