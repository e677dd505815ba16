#!/usr/bin/env python3
"""Training speed of PyTorch on the shape of `mynah bench train`: the peer's number in docs/benchmarks.md.

The same LLaMA block (RMSNorm, RoPE, causal attention, SwiGLU, tied embeddings), the same batch, AdamW, gradient
clipping; random tokens. Prints one JSON line. Needs only torch:

    python3 bench/peer_torch_train.py --threads 2 --dtype f32 [--compile]
"""
import argparse
import json
import resource
import statistics
import time

import torch
import torch.nn as nn
import torch.nn.functional as F


class Block(nn.Module):
    def __init__(self, C, H, ffn):
        super().__init__()
        self.H = H
        self.norm1, self.norm2 = nn.RMSNorm(C, 1e-5), nn.RMSNorm(C, 1e-5)
        self.qkv = nn.Linear(C, 3 * C, bias=False)
        self.o = nn.Linear(C, C, bias=False)
        self.gu = nn.Linear(C, 2 * ffn, bias=False)
        self.down = nn.Linear(ffn, C, bias=False)

    def forward(self, x, cos, sin):
        B, T, C = x.shape
        q, k, v = self.qkv(self.norm1(x)).view(B, T, 3, self.H, C // self.H).permute(2, 0, 3, 1, 4)

        def rope(a):
            a1, a2 = a.chunk(2, -1)
            return torch.cat((a1 * cos - a2 * sin, a2 * cos + a1 * sin), -1)

        y = F.scaled_dot_product_attention(rope(q), rope(k), v, is_causal=True)
        x = x + self.o(y.transpose(1, 2).reshape(B, T, C))
        g, u = self.gu(self.norm2(x)).chunk(2, -1)
        return x + self.down(F.silu(g) * u)


class Llama(nn.Module):
    def __init__(self, V, C, L, H, ffn, T):
        super().__init__()
        self.embed = nn.Embedding(V, C)
        self.blocks = nn.ModuleList(Block(C, H, ffn) for _ in range(L))
        self.norm = nn.RMSNorm(C, 1e-5)
        D = C // H
        t = torch.arange(T)[:, None] * 10000.0 ** (-torch.arange(0, D, 2)[None] / D)
        self.register_buffer("cos", t.cos())
        self.register_buffer("sin", t.sin())
        for p in self.parameters():
            if p.dim() == 2:
                nn.init.normal_(p, 0, 0.02)

    def forward(self, ids, targets):
        x = self.embed(ids)
        for b in self.blocks:
            x = b(x, self.cos, self.sin)
        logits = F.linear(self.norm(x), self.embed.weight)
        return F.cross_entropy(logits.flatten(0, 1).float(), targets.flatten())


def cpu_seconds():
    r = resource.getrusage(resource.RUSAGE_SELF)
    return r.ru_utime + r.ru_stime


def main():
    a = argparse.ArgumentParser()
    a.add_argument("--threads", type=int, default=2)
    a.add_argument("--dtype", choices=["f32", "bf16"], default="f32")
    a.add_argument("--compile", action="store_true")
    a.add_argument("--batch", type=int, default=16)
    a.add_argument("--seq", type=int, default=256)
    a.add_argument("--steps", type=int, default=8)
    a = a.parse_args()
    torch.set_num_threads(a.threads)
    torch.manual_seed(1)
    V, C, L, H, ffn = 8192, 256, 6, 4, 688
    model = Llama(V, C, L, H, ffn, a.seq)
    opt = torch.optim.AdamW(model.parameters(), lr=1e-3, betas=(0.9, 0.95), weight_decay=0.1, fused=True)
    run = torch.compile(model) if a.compile else model
    ids = torch.randint(0, V, (a.batch, a.seq + 1))
    wall, cpu = [], []
    for i in range(a.steps + 2):
        t0, c0 = time.perf_counter(), cpu_seconds()
        opt.zero_grad(set_to_none=True)
        with torch.autocast("cpu", torch.bfloat16, enabled=a.dtype == "bf16"):
            loss = run(ids[:, :-1], ids[:, 1:])
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        opt.step()
        if i >= 2:  # the first two warm caches and compile
            wall.append(time.perf_counter() - t0)
            cpu.append(cpu_seconds() - c0)
    n = a.batch * a.seq
    print(json.dumps({"peer": "torch " + torch.__version__, "compile": a.compile, "dtype": a.dtype,
                      "threads": a.threads, "batch": f"{a.batch}x{a.seq}",
                      "tokens_per_s": round(n / statistics.median(wall)), "best_tokens_per_s": round(n / min(wall)),
                      "tokens_per_cpu_s": round(n / statistics.median(cpu)), "loss": round(loss.item(), 4)}))


if __name__ == "__main__":
    main()
