#!/usr/bin/env python3
"""The polynomials of src/model/muon.c: for each step the odd a x + b x^3 + c x^5 that stays nearest to 1 on [l, u], where the singular
values lie by then; the next step's bounds are what it makes of them. Beyond u a polynomial rises steeply, and products of 8-bit factors are a
hundredth off: u is taken --more times as large as it would be. The first l is the smallest with which N steps end within --off of 1.

    tools/golden/muon.py [--steps 3] [--off 0.3] [--more 1.05]

source  Amsel et al. 2025, "The Polar Express", arXiv:2505.16932 (the best polynomial of each step is best for all of them)"""
import argparse
import math


def solve(rows):
    """Gauss; rows of an augmented matrix."""
    n = len(rows)
    for i in range(n):
        p = max(range(i, n), key=lambda r: abs(rows[r][i]))
        rows[i], rows[p] = rows[p], rows[i]
        for r in range(n):
            if r != i:
                k = rows[r][i] / rows[i][i]
                rows[r] = [x - k * y for x, y in zip(rows[r], rows[i])]
    return [rows[i][n] / rows[i][i] for i in range(n)]


def best(low, high):
    """Remez' exchange: the error is equal and of changing sign at both bounds and at both extremes between."""
    q, r, error = (3 * low + high) / 4, (low + 3 * high) / 4, math.inf
    while True:
        points = ((low, 1), (q, -1), (r, 1), (high, -1))
        a, b, c, now = solve([[x, x**3, x**5, sign, 1.0] for x, sign in points])
        root = math.sqrt(9 * b * b - 20 * a * c)
        q, r = (math.sqrt((-3 * b + s * root) / (10 * c)) for s in (-1, 1))
        if abs(now - error) < 1e-13:
            return a, b, c
        error = now


def chain(low, steps, more):
    high, found = 1.0, []
    for _ in range(steps):
        a, b, c = best(low, high * more)
        found.append((a, b, c))
        low = a * low + b * low**3 + c * low**5
        high = 2 - low
    return low, found


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--steps", type=int, default=3)
    p.add_argument("--off", type=float, default=0.3)
    p.add_argument("--more", type=float, default=1.05)
    o = p.parse_args()
    below, above = math.log(1e-5), math.log(0.9)
    for _ in range(60):
        middle = (below + above) / 2
        if chain(math.exp(middle), o.steps, o.more)[0] < 1 - o.off:
            below = middle
        else:
            above = middle
    low, found = chain(math.exp(above), o.steps, o.more)
    print(f"{o.steps} steps, singular values from 1/{math.exp(-above):.0f} on, end in [{low:.4f}, {2 - low:.4f}]")
    for a, b, c in found:
        print(f"    {{{a:.7f}f, {b:.7f}f, {c:.7f}f}},")


main()
