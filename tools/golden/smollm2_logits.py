"""What `transformers` says of SmolLM2-135M-Instruct in float32: tests/data/smollm2/logits.json, which tests/model/test_smollm2.c reads.

    python3 tools/golden/smollm2_logits.py build/models/smollm2.gguf > tests/data/smollm2/logits.json

The weights are those of the Q4_1 file, as floats. Of each text: its ids, every 16th logit of the last row, the ten likeliest tokens, and how a
greedy answer goes on. Made with transformers 5.23.0, torch 2.15.0, gguf 0.19, on CPU."""

import json
import os
import sys

import gguf
import torch
import transformers
from transformers import AutoModelForCausalLM, AutoTokenizer

TEXTS = [
    "The capital of France is",
    "Hello wörld, ça va? \U0001f600 你好",
    "<|im_start|>user\nWhy do birds sing in the morning?<|im_end|>\n<|im_start|>assistant\n",
    "1 2 3 4 5 6 7 8 9 10\n\n\tint main(void) { return 0; }   ",
    " ".join(f"Post {i}: the river was {w} today." for i, w in enumerate("high low brown clear cold loud still wide".split() * 12)),
]
folder, name = os.path.split(os.path.abspath(sys.argv[1]))
torch.set_num_threads(1)
tok = AutoTokenizer.from_pretrained(folder, gguf_file=name)
model = AutoModelForCausalLM.from_pretrained(folder, gguf_file=name, dtype=torch.float32).eval()
out = {"made_with": f"transformers {transformers.__version__}, torch {torch.__version__}, gguf", "texts": []}
for text in TEXTS:
    ids = tok(text, add_special_tokens=False).input_ids
    with torch.no_grad():
        logits = model(torch.tensor([ids])).logits[0, -1]
        greedy = model.generate(torch.tensor([ids]), attention_mask=torch.ones(1, len(ids), dtype=torch.long), do_sample=False, max_new_tokens=24, pad_token_id=0)[0, len(ids):].tolist()
    top = torch.topk(logits, 10)
    out["texts"].append({
        "text": text, "ids": ids, "every": 16, "logits": [round(x, 5) for x in logits[::16].tolist()],
        "top": [[i, round(x, 5)] for i, x in zip(top.indices.tolist(), top.values.tolist())], "greedy": greedy,
    })
json.dump(out, sys.stdout, ensure_ascii=False, separators=(",", ":"))
print()
