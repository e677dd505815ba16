#!/usr/bin/env python3
"""Golden values of the formats of weights: tests/data/quant/.

    tools/golden/quant.py [FOLDER]        (needs: pip install numpy gguf llama-cpp-python)

dequant.bin: for each format u32 number of the format, u32 values, the blocks' bytes, the float32 they stand for as the `gguf` package
says. Bytes are random, but scales are halves of ordinary size in all blocks but the last, where they are anything.
values.bin: float32 to quantise (weights look like a mixture: normal, heavy-tailed, shifted, a few outliers, a row of zeros, a constant).
errors.txt: for each format the root mean square error of these values quantised and read again, by `gguf` ("-": it has no quantiser
for the format) and by llama.cpp's ggml_quantize_chunk without an importance matrix."""
import ctypes
import importlib.metadata as versions
import pathlib
import struct
import sys

import gguf
import llama_cpp
import numpy as np
from gguf.quants import dequantize, quantize

T = gguf.GGMLQuantizationType
FORMATS = [T.F32, T.F16, T.BF16, T.Q8_0, T.Q4_0, T.Q4_1, T.Q5_0, T.Q5_1, T.Q4_K, T.Q5_K, T.Q6_K]
SCALES = {T.Q8_0: [0], T.Q4_0: [0], T.Q4_1: [0, 2], T.Q5_0: [0], T.Q5_1: [0, 2], T.Q4_K: [0, 2], T.Q5_K: [0, 2], T.Q6_K: [208]}


def random_blocks(rng, t):
    values, size = gguf.GGML_QUANT_SIZES[t]
    n = 32 if values == 1 else 3 if values == 256 else 6
    blocks = rng.integers(0, 256, (n, size), dtype=np.uint8)
    for at in SCALES.get(t, []):
        scale = (rng.standard_normal(n - 1) * 0.02).astype(np.float16)
        blocks[:-1, at:at + 2] = scale.view(np.uint8).reshape(n - 1, 2)
    return blocks.reshape(-1), n * values


def weights(rng):
    normal = rng.standard_normal(2048) * 0.02
    heavy = rng.standard_t(3, 2048) * 0.02
    shifted = rng.standard_normal(1024) * 0.02 + 0.03
    rows = np.concatenate([normal, heavy, shifted, rng.random(1024) - 0.5, np.zeros(256), np.full(256, 0.25)])
    rows[rng.integers(0, len(rows), 12)] *= 20
    return rows.astype(np.float32)


def llama_error(lib, x, t):
    values, size = gguf.GGML_QUANT_SIZES[t]
    out = np.zeros(len(x) // values * size, np.uint8)
    lib.ggml_quantize_chunk(ctypes.c_int(int(t)), x.ctypes.data_as(ctypes.c_void_p), out.ctypes.data_as(ctypes.c_void_p),
                            ctypes.c_int64(0), ctypes.c_int64(1), ctypes.c_int64(len(x)), None)
    return rms(dequantize(out, t), x)


def rms(y, x):
    return float(np.sqrt(np.mean((y.reshape(-1).astype(np.float64) - x) ** 2)))


def main():
    folder = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "tests/data/quant")
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(20260101)
    lib = ctypes.CDLL(str(next(pathlib.Path(llama_cpp.__file__).parent.glob("lib/libggml-base.so"))))
    lib.ggml_quantize_chunk.restype = ctypes.c_size_t
    with open(folder / "dequant.bin", "wb") as f:
        for t in FORMATS:
            blocks, n = random_blocks(rng, t)
            with np.errstate(all="ignore"):
                y = dequantize(blocks, t) if t != T.F32 else blocks.view(np.float32)
            f.write(struct.pack("<II", int(t), n) + blocks.tobytes() + y.astype("<f4").tobytes())
    x = weights(rng)
    (folder / "values.bin").write_bytes(x.astype("<f4").tobytes())
    with open(folder / "errors.txt", "w") as f:
        f.write(f"# gguf {versions.version('gguf')}, llama-cpp-python {llama_cpp.__version__}\n")
        for t in FORMATS[1:]:
            try:
                py = f"{rms(dequantize(quantize(x, t), t), x):.9g}"
            except NotImplementedError:
                py = "-"
            f.write(f"{int(t)} {t.name.lower()} {py} {llama_error(lib, x, t):.9g}\n")


if __name__ == "__main__":
    main()
