#!/usr/bin/env python3
"""Makes what tests/unit/text/test_golden.c compares with, using Hugging Face's own library.

    python3 -m venv /tmp/venv && /tmp/venv/bin/pip install tokenizers
    /tmp/venv/bin/python tests/data/make-tokenizer-golden.py

Reads  tests/data/tokenizer/sample.txt   posts in many scripts, written for this test
Writes tests/data/tokenizer/golden.json  a tokenizer trained on them by `tokenizers`, as ours are (vocabulary up to 1,200)
       tests/data/tokenizer/gpt2.json    another, behind GPT-2's splitter (no Digits)
       tests/data/tokenizer/golden.jsonl a header with the versions, then one text a line with its ids from both
"""
import json
import os
import platform
import random

import tokenizers
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "tokenizer")
LANGS = """und en es fr de pt it nl ja ko zh ar ru tr id hi fa th vi pl uk sv no da fi cs el he hu ro bg hr sr sk sl et
lv lt ca eu gl ur bn ta te ml mr gu pa ne ms tl sw eo ga cy is sq mk af la x00 x01 x02""".split()
SPECIALS = (
    ["<|%s|>" % n for n in ("start", "end", "reply", "quote", "pad")]
    + ["<|time:%d|>" % y for y in range(2005, 2045)]
    + ["<|month:%02d|>" % m for m in range(1, 13)]
    + ["<|lang:%s|>" % c for c in LANGS]
)
VOCAB = 1200
byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False, trim_offsets=True, use_regex=True)
digits = pre_tokenizers.Digits(individual_digits=True)

# Where splitters and merges have gone wrong before.
CASES = [
    "", " ", "  ", "   ", "\n", "\n\n", " \n", "\n ", "\t", "\t\t x", " \t \n y", "a ", "a  ", "a  b", "a   b", "a \n b",
    "a\n\nb", "a\r\nb", "a\u00a0b", "a \u00a0 b", "a\u3000\u3000b", "a\u2028b\u2029c", "a\u0085b", "\u1680x\u202fy\u205fz", "\u200bz\u200b",
    "\x00", "\x00\x01\x02", "a\x1cb\x1fc", "\x0b\x0cx", "\x7f\x80\x9f", "\ufeffBOM", "\ufffd\uffff\U0010ffff",
    "1", "12", "1234567890", " 1", "  1", "   12  3", "a1b2", "a 1 b 2", "1 a", "1  a", "3.14", "-42", "1,000,000", "x1 ", "1\n2",
    "١٢٣", "१२३", " ½", "²³", "Ⅳ①㊿", "四五", "𝟘𝟙𝟚", "𐄇𐄈",
    "it's", "IT'S", "I'd I've I'll I'm we're", "2024 100", "room 12  12", "a12 12b", "it'S", "we're they've I'll you'd I'm can't", "'s", " 's", "''s", "'sx", "'re", "'r", "'rex", "'ve'll'd", "'", "''", "' '",
    "'t't't", "o'clock", "l'été", "’s ‘t", "'l", "'l l", "'1", "!'s", "\n's", "x 's y",
    "e\u0301", "cafe\u0301 café", "\u0301a", " \u0301", "n\u0303o\u0304\u0323", "क्षि", "กำ", "각", "\u1112\u1161\u11ab",
    "👍🏽", "👨‍👩‍👧‍👦", "🇩🇪🇫🇷", "❤️", "#️⃣", "🙂🙂🙂🙂", "a🙂b", " 🙂 ", "🙂1🙂", "☺︎",
    "_", "__x__", "a_b", "@name #tag", "http://x.example/a?b=1&c=%20#d", "...", "…", "—", "a—b", "¿x?", "«x»", "x™©®",
    "ß ẞ ſ ŉ ǅ ʰ ª º", "ﬁ ﬀ", "Å K Ω", "ǆ", "İıIi", "𝐀𝐛", "Ⓐⓑ", "〇", "々", "ー", "゛", "한글ㄱㄴ", "ㅋㅋㅋ",
    "<|start|", "|end|>", "<| reply |>", "<", "<|", "the the the the", "street" * 9, "a" * 130, "ab" * 70, " " * 70 + "x", "🥖" * 40, "\u0301" * 60,
    "Ġ", "Ċ", "ĠĠ", "Ā", "ń", "¡", "\u00ad", "¶", "x" * 49, "ببب" * 20,
]


def random_texts(lines, n):
    """Mixtures of what the sample and the cases are made of, the same on every run."""
    rng = random.Random(20261121)
    odd = [" ", " ", " ", "  ", "\n", "\t", "\u00a0", "\u3000", "1", "23", "٣", "½", "'s", "'re", "'ll", "'", "é", "e\u0301", "ß",
           "語", "ба", "🙂", "👩‍🍳", "!", "...", "_", "\x01", "\x85", "<|", "|>", "the", "street", "bread", "İ", "\u200d", "\ufe0f", "๒", "า"]
    for _ in range(n):
        parts = []
        for _ in range(rng.randint(1, 14)):
            if rng.random() < 0.25:
                line = rng.choice(lines)
                at = rng.randrange(len(line))
                parts.append(line[at:at + rng.randint(1, 12)])
            else:
                parts.append(rng.choice(odd))
        yield "".join(parts)


def train(lines, splitter, name):
    t = Tokenizer(models.BPE())
    t.pre_tokenizer = splitter
    t.decoder = decoders.ByteLevel(add_prefix_space=False, trim_offsets=True, use_regex=True)
    t.train_from_iterator(lines, trainers.BpeTrainer(
        vocab_size=VOCAB, min_frequency=2, special_tokens=SPECIALS, show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
    t.save(os.path.join(HERE, name), pretty=False)
    return t


def main():
    with open(os.path.join(HERE, "sample.txt"), encoding="utf-8") as f:
        lines = f.read().split("\n")[:-1]
    ours = train(lines, pre_tokenizers.Sequence([digits, byte_level]), "golden.json")
    gpt2 = train(lines, byte_level, "gpt2.json")
    with open(os.path.join(HERE, "golden.jsonl"), "w", encoding="utf-8", newline="\n") as f:
        head = {"tokenizers": tokenizers.__version__, "python": platform.python_version(), "vocab": ours.get_vocab_size()}
        f.write(json.dumps(head) + "\n")
        for text in CASES + lines + list(random_texts(lines, 300)):
            ids, wide = ours.encode(text).ids, gpt2.encode(text).ids
            assert ours.decode(ids) == text and gpt2.decode(wide) == text
            f.write(json.dumps({"text": text, "ids": ids, "gpt2": wide}, separators=(",", ":")) + "\n")


main()
