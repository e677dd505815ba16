#!/usr/bin/env python3
"""Holds mynah's adapters to PEFT: python3 tools/golden/compare_peft.py MYNAH BASE WORK

MYNAH: the program; BASE: a model it knows (a name under $MYNAH_DATA/models, a folder or a GGUF file); WORK: an empty folder.
Needs torch, transformers, peft (seen with 2.15.0, 5.23.0, 0.21.2), all on the CPU.

1. mynah tunes an adapter on a few lines; PEFT loads it onto the exported base: logits as those of mynah's merged model.
2. PEFT makes an adapter of its own (another rank, two targets, rslora); mynah merges it: logits as PEFT's own.
Fails when the worst difference, relative to the largest logit, is 1e-4 or more (all in float32)."""
import json
import os
import subprocess
import sys

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import AutoModelForCausalLM

LIMIT = 1e-4


def run(*args):
    subprocess.run(args, check=True, stdout=subprocess.DEVNULL)


def load(path):
    return AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32).eval()


def logits(model, ids):
    with torch.no_grad():
        return model(ids).logits


def check(what, a, b):
    apart = ((a - b).abs().max() / b.abs().max()).item()
    print(f"{what}: worst difference {apart:.2e} of the largest logit")
    return apart < LIMIT


def main():
    mynah, base, work = sys.argv[1:4]
    home = os.path.join(work, "home")
    os.makedirs(home, exist_ok=True)
    lines = [{"messages": [{"role": "user", "content": f"What is number {i}?"},
                           {"role": "assistant", "content": f"It is the plum of row {i * 7 % 10}."}]}
             for i in range(20)]
    data = os.path.join(work, "lines.jsonl")
    with open(data, "w") as f:
        f.writelines(json.dumps(line) + "\n" for line in lines)
    plain, tuned = os.path.join(work, "base"), os.path.join(home, "models", "tuned")
    run(mynah, "model", "export", base, "--to", plain, "--type", "f32")
    os.environ["MYNAH_DATA"] = home
    run(mynah, "tune", "--from", plain, "--data", data, "--steps", "4", "--lora", "8", "--type", "f32",
        "--name", "tuned")

    ids = torch.arange(200, 264).reshape(2, 32) * 37 % 400 + 300
    adapted = PeftModel.from_pretrained(load(plain), os.path.join(tuned, "adapter")).eval()
    fine = check("mynah's adapter in PEFT, mynah's merged model", logits(load(tuned), ids),
                 logits(adapted, ids))
    moved = ((logits(load(plain), ids) - logits(adapted, ids)).abs().max()).item()
    print(f"the adapter moves logits by up to {moved:.3f}")

    torch.manual_seed(1)
    theirs = get_peft_model(load(plain), LoraConfig(task_type="CAUSAL_LM", r=6, lora_alpha=9, use_rslora=True,
                                                    target_modules=["q_proj", "down_proj"])).eval()
    for name, p in theirs.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(p, std=0.02)
    folder = os.path.join(work, "theirs")
    theirs.save_pretrained(folder)
    run(mynah, "tune", "--from", plain, "--merge", folder, "--type", "f32", "--name", "merged")
    fine &= check("PEFT's adapter merged by mynah",
                  logits(load(os.path.join(home, "models", "merged")), ids), logits(theirs, ids))
    sys.exit(0 if fine and moved > 0.01 else 1)


main()
