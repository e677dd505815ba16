#!/usr/bin/env python3
"""Does Hugging Face transformers load a model folder of ours unchanged and compute the same?

    bench/check_transformers.py MYNAH MODEL_DIR        (needs: pip install torch transformers)

For prompts in several languages it compares the tokens that AutoTokenizer makes of the text with ours, and the logits of the next
token that LlamaForCausalLM computes in f32 from our ids with those of `mynah generate --logits`. Ends with 1 when any logit
is off by 1e-3 or more, or a token differs."""
import json
import subprocess
import sys

import torch
import transformers

PROMPTS = [
    "A",
    "The early bird gets the worm, but the second mouse gets the cheese.",
    "  two  blanks, a\ttab and\na second line",
    "Wer fr\u00fcher stirbt, ist l\u00e4nger tot. #Weisheit",
    "\u0415\u0441\u043b\u0438 \u0434\u043e\u043b\u0433\u043e \u0441\u043c\u043e\u0442\u0440\u0435\u0442\u044c \u2014 123,456.78",
    "\u4f60\u597d \U0001f426 it's @you http://example.org/a?b=c",
    "word " * 100,
]


def ours(mynah, model, text):
    command = [mynah, "generate", "--model", model, "--logits", "--prompt", text]
    got = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    return got["ids"], torch.tensor(got["logits"])


def main():
    mynah, folder = sys.argv[1:]
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    model = transformers.AutoModelForCausalLM.from_pretrained(folder, torch_dtype=torch.float32).eval()
    worst, wrong = 0.0, int(len(tokenizer) != model.config.vocab_size)
    for text in PROMPTS:
        ids, logits = ours(mynah, folder, text)
        theirs = tokenizer(text, add_special_tokens=False).input_ids
        same = theirs == ids[len(ids) - len(theirs):] and tokenizer.decode(theirs) == text
        with torch.no_grad():
            reference = model(torch.tensor([ids])).logits[0, -1]
        off = (reference - logits).abs().max().item()
        worst, wrong = max(worst, off), wrong + (not same)
        print(f"{len(ids):4} tokens {'same' if same else 'DIFFER'}, logits off by at most {off:.2e}  {text[:40]!r}")
    print(f"transformers {transformers.__version__}, torch {torch.__version__}: worst {worst:.2e}, {wrong} texts with other tokens")
    return 1 if wrong or not worst < 1e-3 else 0


if __name__ == "__main__":
    sys.exit(main())
