#!/usr/bin/env python3
"""What each choice of `mynah train` is worth that the program itself cannot be asked to leave: how documents stand in a row, which tokens of
structure they have, and changes of the architecture that a plain LLaMA does not know (docs/design/training.md, "Data and architecture").

    python3 bench/ablate.py --corpus mynah-data/corpus/NAME --variant as-is --seed 1

One run: preset nano's shape on the corpus' tokens with the recipe of `mynah train` (Muon for the layers' matrices, AdamW for the rest, a
rise of 40 steps, a fall over the last half), the same number of rows for every variant. Prints a JSON line. Two figures of held-out bits
per byte of text, as mynah counts them: `alone`, each document by itself; `stream`, rows of documents that see those before them. What is given (time, language)
costs nothing. Needs torch and numpy."""
import argparse
import json
import math
import os
import resource
import time

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

START, END, PAD = 0, 1, 4
TIME = range(5, 57)
LANGUAGE = range(57, 121)

VARIANTS = {
    "as-is": {},
    # documents in a row
    "no-mask": {"mask": False},
    "chopped": {"mask": False, "chopped": True},
    "chopped-mask": {"chopped": True},
    # tokens
    "no-time": {"without": TIME},
    "no-language": {"without": LANGUAGE},
    "no-structure": {"without": range(5, 121)},
    # architecture
    "qk-norm": {"qk_norm": True},
    "relu2": {"relu2": True},
    "value-embedding": {"value_embedding": True},
    "soft-cap": {"cap": 15.0},
}


# ---- documents ---------------------------------------------------------------------------------------------------------


def documents(stem, without):
    """Token arrays of all documents of a shard (src/text/shard.h), without some tokens; bytes of their text."""
    head = np.fromfile(stem + ".bin", "<i4", 256)
    if head[0] != 20240520 or head[1] != 1:
        raise SystemExit(f"{stem}.bin: not a shard in mynah's own form")
    tokens = np.fromfile(stem + ".bin", "<u2", offset=1024).astype(np.int64)
    ends = np.fromfile(stem + ".docs", "<u8").astype(np.int64)
    posts = os.path.getsize(stem + ".origin") // 48
    docs = np.split(tokens, ends[:-1])
    if len(without):
        docs = [d[(d < without.start) | (d >= without.stop)] for d in docs]
    return docs, os.path.getsize(stem + ".txt") - posts


def packed(docs, order, T):
    """Rows of whole documents: of the next 64 the longest that fits. What is longer than a row is cut."""
    pieces = (docs[i][a:a + T + 1] for i in order for a in range(0, len(docs[i]) - 1, T))
    waiting, rows, row, room = [], [], [], T
    more = True
    while more or waiting:
        while more and len(waiting) < 64:
            piece = next(pieces, None)
            more = piece is not None
            if more:
                waiting.append(piece)
        fits = [i for i, p in enumerate(waiting) if len(p) - 1 <= room]
        if not fits:
            rows.append(row)
            row, room = [], T
            continue
        best = max(fits, key=lambda i: len(waiting[i]))
        piece = waiting.pop(best)
        row.append(piece)
        room -= len(piece) - 1
    return rows + [row] if row else rows


def laid(rows, T):
    """Of packed rows: ids, targets (-1: none), number of the document in its row, position in it."""
    shape = (len(rows), T)
    ids, want = np.full(shape, PAD), np.full(shape, -1)
    doc, pos = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
    for r, row in enumerate(rows):
        at = 0
        for k, piece in enumerate(row):
            n = len(piece) - 1
            ids[r, at:at + n], want[r, at:at + n] = piece[:-1], piece[1:]
            doc[r, at:at + n], pos[r, at:at + n] = k + 1, np.arange(n)
            at += n
    return ids, want, doc, pos


def chopped(docs, order, T):
    """All documents one after the other, cut every T tokens wherever that is."""
    stream = np.concatenate([docs[i] for i in order])
    begins = np.cumsum([len(docs[i]) for i in order])
    number = np.searchsorted(begins, np.arange(len(stream)), "right")
    n = (len(stream) - 1) // T
    ids, want = stream[:n * T].reshape(n, T), stream[1:n * T + 1].reshape(n, T).copy()
    doc = number[:n * T].reshape(n, T) + 1
    want[want == START] = -1
    first = np.maximum.accumulate(np.where(np.diff(doc, axis=1, prepend=-1) != 0, np.arange(T), 0), axis=1)
    return ids, want, doc, np.arange(T) - first


def rows_of(docs, o, cut, mask, seed):
    order = np.random.default_rng(seed).permutation(len(docs))
    ids, want, doc, pos = chopped(docs, order, o.seq) if cut else laid(packed(docs, order, o.seq), o.seq)
    want = np.where((want == START) | ((want >= PAD) & (want < 121)), -1, want)
    if not mask:
        doc, pos = np.ones_like(doc), np.broadcast_to(np.arange(o.seq), doc.shape)
    return [torch.from_numpy(np.ascontiguousarray(a)) for a in (ids, want, doc, pos)]


# ---- the model ----------------------------------------------------------------------------------------------------------


class Block(nn.Module):
    def __init__(self, c, layer, layers):
        super().__init__()
        C, self.H, width = c["C"], c["H"], c["F"]
        self.qk_norm, self.relu2 = c.get("qk_norm"), c.get("relu2")
        self.norm1, self.norm2 = nn.RMSNorm(C, 1e-5), nn.RMSNorm(C, 1e-5)
        self.q, self.k, self.v, self.o = (nn.Linear(C, C, bias=False) for _ in range(4))
        if self.relu2:
            width = width * 3 // 2  # as many weights in two matrices as in three
        else:
            self.gate = nn.Linear(C, width, bias=False)
        self.up, self.down = nn.Linear(C, width, bias=False), nn.Linear(width, C, bias=False)
        self.mix = nn.Parameter(torch.tensor(0.5)) if c.get("value_embedding") and layer in (0, layers - 1) else None

    def forward(self, x, cos, sin, mask, values):
        B, T, C = x.shape

        def heads(a):
            return a.view(B, T, self.H, C // self.H).transpose(1, 2)

        def turned(a):
            if self.qk_norm:
                a = F.rms_norm(a, (C // self.H,))
            a1, a2 = a.chunk(2, -1)
            return torch.cat((a1 * cos - a2 * sin, a2 * cos + a1 * sin), -1)

        y = self.norm1(x)
        v = self.v(y) if self.mix is None else self.v(y) + self.mix * values
        y = F.scaled_dot_product_attention(turned(heads(self.q(y))), turned(heads(self.k(y))), heads(v), mask)
        x = x + self.o(y.transpose(1, 2).reshape(B, T, C))
        y = self.norm2(x)
        return x + self.down(F.relu(self.up(y)).square() if self.relu2 else F.silu(self.gate(y)) * self.up(y))


class Model(nn.Module):
    def __init__(self, c):
        super().__init__()
        C, D, self.cap = c["C"], c["C"] // c["H"], c.get("cap")
        self.embed = nn.Embedding(c["V"], C)
        self.values = nn.Embedding(c["V"], C) if c.get("value_embedding") else None
        self.blocks = nn.ModuleList(Block(c, i, c["L"]) for i in range(c["L"]))
        self.norm = nn.RMSNorm(C, 1e-5)
        self.register_buffer("turn", 10000.0 ** (-torch.arange(0, D, 2) / D))
        for name, p in self.named_parameters():
            if p.dim() == 2:
                into = name.endswith(("o.weight", "down.weight"))
                nn.init.normal_(p, 0, 0.02 / math.sqrt(2 * c["L"]) if into else 0.02)

    def forward(self, ids, want, doc, pos):
        T = ids.shape[1]
        mask = (doc[:, :, None] == doc[:, None, :]) & torch.ones(T, T, dtype=torch.bool).tril()
        angle = pos[:, None, :, None] * self.turn
        x, values = self.embed(ids), self.values(ids) if self.values is not None else None
        for b in self.blocks:
            x = b(x, angle.cos(), angle.sin(), mask[:, None], values)
        logits = F.linear(self.norm(x), self.embed.weight)
        if self.cap:
            logits = self.cap * torch.tanh(logits / self.cap)
        return F.cross_entropy(logits.flatten(0, 1), want.flatten(), ignore_index=-1, reduction="sum")


def bits(model, rows):
    model.eval()
    with torch.no_grad():
        nats = sum(model(*(a[i:i + 32] for a in rows)).item() for i in range(0, len(rows[0]), 32))
    model.train()
    return nats / math.log(2)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--corpus", required=True)
    p.add_argument("--variant", choices=VARIANTS, default="as-is")
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--steps", type=int, default=600)
    p.add_argument("--rows", type=int, default=8)
    p.add_argument("--seq", type=int, default=256)
    p.add_argument("--lr", type=float, default=0.004)
    p.add_argument("--threads", type=int, default=1)
    p.add_argument("--compile", action="store_true")
    o = p.parse_args()
    torch.set_num_threads(o.threads)
    torch.manual_seed(o.seed)
    how = VARIANTS[o.variant]
    without = how.get("without", range(0))
    docs, _ = documents(os.path.join(o.corpus, "train"), without)
    held, size = documents(os.path.join(o.corpus, "val"), without)
    with open(os.path.join(o.corpus, "manifest.json"), encoding="utf-8") as f:
        vocab = json.load(f)["vocab"]
    rows = rows_of(docs, o, how.get("chopped"), how.get("mask", True), o.seed)
    if len(rows[0]) < o.steps * o.rows:
        raise SystemExit(f"the corpus has {len(rows[0])} rows, {o.steps * o.rows} are asked for: no token is to be seen twice")
    model = Model({"V": vocab, "C": 128, "L": 4, "H": 4, "F": 344, **how})
    hidden = [p for n, p in model.named_parameters() if p.dim() == 2 and n.startswith("blocks")]
    rest = [p for n, p in model.named_parameters() if p.dim() == 2 and not n.startswith("blocks")]
    gains = [p for p in model.parameters() if p.dim() < 2]
    opts = [torch.optim.Muon(hidden, lr=o.lr, weight_decay=0.1, momentum=0.95, adjust_lr_fn="match_rms_adamw"),
            torch.optim.AdamW([{"params": rest, "weight_decay": 0.1}, {"params": gains, "weight_decay": 0.0}], lr=o.lr,
                              betas=(0.9, 0.95), eps=1e-8)]
    run = torch.compile(model) if o.compile else model
    begin = time.process_time()
    tokens = 0
    for step in range(o.steps):
        rate = o.lr * min(1, (step + 1) / 40, 2 * (o.steps - step) / o.steps)
        batch = [a[step * o.rows:(step + 1) * o.rows] for a in rows]
        scored = (batch[1] >= 0).sum()
        tokens += int((batch[0] != PAD).sum())
        loss = run(*batch) / scored
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for opt in opts:
            for g in opt.param_groups:
                g["lr"] = rate
            opt.step()
            opt.zero_grad(set_to_none=True)
    alone = bits(model, rows_of(held, o, False, True, 0)) / size
    stream = bits(model, rows_of(held, o, False, False, 0)) / size
    print(json.dumps({"variant": o.variant, "seed": o.seed, "params": sum(p.numel() for p in model.parameters()), "tokens": tokens,
                      "documents": len(docs), "alone": round(alone, 4), "stream": round(stream, 4),
                      "cpu_s": round(time.process_time() - begin), "loss": round(loss.item(), 3),
                      "rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10, "torch": torch.__version__}), flush=True)


if __name__ == "__main__":
    main()
