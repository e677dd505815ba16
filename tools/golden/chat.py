#!/usr/bin/env python3
"""Makes what tests/unit/infer/test_chat.c compares with: conversations through SmolLM2-135M-Instruct's own template and tokenizer, by
`transformers`' apply_chat_template.

    python3 -m venv /tmp/venv && /tmp/venv/bin/pip install transformers==5.23.0 tokenizers==0.23.3 gguf==0.19.0 jinja2==3.1.6
    /tmp/venv/bin/python tools/golden/chat.py SmolLM2-135M-Instruct.Q4_1.gguf

Writes tests/data/chat/smollm2.json: versions, and for each conversation its messages, tools, whether an answer is asked for, and the ids.
"""
import json
import os
import sys

import gguf
import tokenizers
import transformers
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

OUT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../tests/data/chat/smollm2.json")
TOOLS = [{"type": "function", "function": {"name": "weather", "description": "The weather of a place", "parameters": {
    "type": "object", "properties": {"place": {"type": "string"}}, "required": ["place"]}}}]
S = {"role": "system", "content": "You are a bird that answers in verse."}
CONVERSATIONS = [
    [{"role": "user", "content": "Hello"}],
    [S, {"role": "user", "content": "Who are you?"}],
    [S, {"role": "user", "content": "One"}, {"role": "assistant", "content": "Two"}, {"role": "user", "content": "Three"}],
    [{"role": "user", "content": "  blanks and\n\nlines \t"}, {"role": "assistant", "content": ""}, {"role": "user", "content": ""}],
    [{"role": "user", "content": "Grüße, 漢字, 🦜🦜, é\u0301, \u200b, Привет 123456"}],
    [{"role": "user", "content": "What's the weather in Paris?"}, {"role": "assistant", "content": "Let me look."},
     {"role": "tool", "content": "{\"sky\": \"blue\", \"degrees\": 20}"}, {"role": "assistant", "content": "Blue, 20 degrees."}, {"role": "user", "content": "Thanks"}],
    [{"role": "user", "content": "x" * 700 + " 1,000 y's " * 40}],
    [],
]


def tokenizer(path):
    fields = gguf.GGUFReader(path).fields
    tokens, kinds = fields["tokenizer.ggml.tokens"].contents(), fields["tokenizer.ggml.token_type"].contents()
    assert fields["tokenizer.ggml.pre"].contents() == "smollm"
    merges = [tuple(m.split(" ")) for m in fields["tokenizer.ggml.merges"].contents()]
    t = Tokenizer(models.BPE(vocab={s: i for i, s in enumerate(tokens)}, merges=merges))
    t.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)])
    t.decoder = decoders.ByteLevel()
    t.add_special_tokens([AddedToken(s, special=True, normalized=False) for s, k in zip(tokens, kinds) if k == 3])
    bos, eos = (tokens[fields["tokenizer.ggml.%s_token_id" % n].contents()] for n in ("bos", "eos"))
    fast = PreTrainedTokenizerFast(tokenizer_object=t, bos_token=bos, eos_token=eos)
    fast.chat_template = fields["tokenizer.chat_template"].contents()
    return fast


def main():
    t = tokenizer(sys.argv[1])
    cases = []
    for messages in CONVERSATIONS:
        for tools in (None, TOOLS):
            for answer in (False, True):
                case = {"messages": messages, "tools": tools, "answer": answer}
                try:
                    case["ids"] = t.apply_chat_template(messages, tools=tools, add_generation_prompt=answer, return_dict=False)
                except Exception as e:
                    case["refused"] = str(e)
                cases.append(case)
    head = {"made_by": "tools/golden/chat.py", "model": "SmolLM2-135M-Instruct", "transformers": transformers.__version__, "tokenizers": tokenizers.__version__}
    os.makedirs(os.path.dirname(OUT), exist_ok=True)
    with open(OUT, "w", encoding="utf-8") as f:
        f.write(json.dumps({**head, "cases": cases}, ensure_ascii=True) + "\n")
    print(len(cases), "cases", sum("refused" in c for c in cases), "refused")


if __name__ == "__main__":
    main()
