#!/usr/bin/env python3
"""Makes what tests/unit/text/test_tok_families.c compares with: small tokenizers of each family, and what the libraries make of texts.

    python3 -m venv /tmp/venv && /tmp/venv/bin/pip install tokenizers==0.23.3 sentencepiece==0.2.3 protobuf
    /tmp/venv/bin/python tools/golden/tokenizer_families.py

Reads  tests/data/tokenizer/sample.txt
Writes tests/data/tokenizer/{llama3,qwen2,llama2,first,words}.json and {sp,user,unknown}.model, trained on the sample, and
       tests/data/tokenizer/families.jsonl: a header with the versions, then for each text the first 8 hex digits of the SHA-256 of its ids
       (u32, little-endian) and of what these ids decode to, in the order of FAMILIES.
"""
import hashlib
import importlib.metadata
import io
import json
import os
import random
import sys
import unicodedata

import sentencepiece
from sentencepiece import sentencepiece_model_pb2
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from compare_tokenizers import BITS, EMOJI, LLAMA3, QWEN2, SPACES, scalar  # noqa: E402

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "tests", "data", "tokenizer")
FAMILIES = ["llama3", "qwen2", "llama2", "first", "words", "sp", "user", "unknown"]
ADDED = [
    AddedToken("<|begin|>", normalized=False, special=True), AddedToken("<|end|>", normalized=False, special=True),
    AddedToken("<mask>", lstrip=True, normalized=False, special=True), AddedToken("[X]", rstrip=True, normalized=False),
    AddedToken("bread", single_word=True, normalized=False), AddedToken("<|e", normalized=False),
    AddedToken("<norm>", normalized=True), AddedToken("caf\u00e9!", normalized=True), AddedToken("<|begin|><|end|>", normalized=False),
]
MARKS = [t.content for t in ADDED] + ["cafe\u0301!", "<s>", "</s>", "<unk>", "<sep>", "##", "<|", "<0x41>"]


def byte_level(lines, pattern, normalizer, vocab):
    t = Tokenizer(models.BPE())
    if normalizer:
        t.normalizer = normalizer
    t.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split(Regex(pattern), behavior="isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    t.decoder = decoders.ByteLevel()
    t.train_from_iterator(lines, trainers.BpeTrainer(
        vocab_size=vocab, min_frequency=2, show_progress=False, initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
    t.add_special_tokens([a for a in ADDED if a.special])
    t.add_tokens([a for a in ADDED if not a.special])
    return t


def llama3(lines):
    """With ignore_merges, and tokens that no merge makes."""
    t = byte_level(lines, LLAMA3, None, 700)
    t.post_processor = processors.Sequence([
        processors.ByteLevel(trim_offsets=False),
        processors.TemplateProcessing(single="<|begin|> $A", pair="<|begin|> $A <|begin|> $B:1", special_tokens=[("<|begin|>", t.token_to_id("<|begin|>"))])])
    j = json.loads(t.to_str())
    j["model"]["ignore_merges"] = True
    j["model"]["merges"] = [m for i, m in enumerate(j["model"]["merges"]) if i < 60 or i % 5]
    return j


def train_sp(lines, **more):
    out = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(lines), model_writer=out, model_type="bpe", normalization_rule_name="identity", remove_extra_whitespaces=False,
        hard_vocab_limit=False, minloglevel=2, num_threads=1, allow_whitespace_only_pieces=True, **more)
    return out.getvalue()


def all_pairs(pieces):
    """Every way to put a piece together from two others, best scores first: what converters write."""
    rank = {p: i for i, p in enumerate(pieces)}
    found = [(rank[p], p[:i], p[i:]) for p in pieces for i in range(1, len(p)) if p[:i] in rank and p[i:] in rank]
    return [[left, right] for _, left, right in sorted(found, key=lambda x: (x[0], len(x[1])))]


def from_sp(proto, normalizer, pre_tokenizer, strip, template):
    m = sentencepiece_model_pb2.ModelProto.FromString(proto)
    vocab = {p.piece: i for i, p in enumerate(m.pieces)}
    normal = sorted((p for p in m.pieces if p.type == 1), key=lambda p: -p.score)
    t = Tokenizer(models.BPE(vocab=vocab, merges=[tuple(x) for x in all_pairs([p.piece for p in normal])], unk_token="<unk>", fuse_unk=True,
                             byte_fallback=True))
    t.add_special_tokens([AddedToken(s, normalized=False, special=True) for s in ("<unk>", "<s>", "</s>")])
    t.add_tokens([AddedToken("[X]", rstrip=True, normalized=False), AddedToken("bread", single_word=True, normalized=False)])
    if normalizer:
        t.normalizer = normalizer
    if pre_tokenizer:
        t.pre_tokenizer = pre_tokenizer
    t.decoder = decoders.Sequence([decoders.Replace("\u2581", " "), decoders.ByteFallback(), decoders.Fuse()] + ([decoders.Strip(" ", 1, 0)] if strip else []))
    if template:
        t.post_processor = processors.TemplateProcessing(single="<s> $A </s>", pair="<s> $A </s> <s> $B:1 </s>", special_tokens=[("<s>", 1), ("</s>", 2)])
    return json.loads(t.to_str())


def mixtures(lines, n):
    rng = random.Random(20261122)
    for i in range(n):
        parts = []
        for _ in range(rng.randint(1, 12)):
            kind = rng.randrange(6)
            if kind == 0:
                line = rng.choice(lines)
                at = rng.randrange(len(line))
                parts.append(line[at:at + rng.randint(1, 14)])
            elif kind == 1 and i % 2:
                parts.append(rng.choice(MARKS))
            elif kind == 2:
                parts.append(scalar(rng))
            else:
                parts.append(rng.choice(rng.choice((SPACES, BITS, EMOJI))))
        yield "".join(parts)


def composing(n):
    """What NFC makes of marks old and new."""
    rng = random.Random(9)
    some = "aeK\u212b\u0301\u0323\u0334\u0345\u1100\u1161\u11a8\u0915\u093c\u0958\u0899\u08ca\u1abf\U00011d42\U00011935\U00011930\U0001e130 "
    for _ in range(n):
        yield "".join(rng.choice(some) for _ in range(rng.randint(1, 9)))


def short(data):
    return hashlib.sha256(data).hexdigest()[:8]


def of_ids(ids):
    return short(b"".join(i.to_bytes(4, "little") for i in ids))


def golden(libraries, text):
    out = []
    for name in FAMILIES:
        lib = libraries[name]
        if isinstance(lib, Tokenizer):
            ids = lib.encode(text, add_special_tokens=False).ids if isinstance(text, str) else None
            back = lib.decode(ids, skip_special_tokens=False) if ids is not None else None
            if back and "\ufffd" in back and "\ufffd" not in text:
                back = None  # ByteLevel's decoder takes the letters of added tokens for bytes; mynah gives them as they are
        else:
            ids = lib.encode(text)
            back = lib.decode(ids) if isinstance(text, str) and name != "unknown" else None
        out.append([of_ids(ids) if ids is not None else None, short(back.encode()) if back is not None else None])
    return out


def main():
    with open(os.path.join(HERE, "sample.txt"), encoding="utf-8") as f:
        lines = f.read().split("\n")[:-1]
    sp = train_sp(lines, vocab_size=900, byte_fallback=True, character_coverage=0.999)
    protos = {"sp": sp,
              "user": train_sp(lines, vocab_size=900, byte_fallback=True, character_coverage=0.999, user_defined_symbols=["<sep>", "##", "\u2581\u2581", "the#"]),
              "unknown": train_sp(lines, vocab_size=500, character_coverage=0.98)}
    prepend = normalizers.Sequence([normalizers.Prepend("\u2581"), normalizers.Replace(" ", "\u2581")])
    files = {"llama3": llama3(lines),
             "qwen2": json.loads(byte_level(lines, QWEN2, normalizers.NFC(), 700).to_str()),
             "llama2": from_sp(sp, prepend, None, True, True),
             "first": from_sp(sp, None, pre_tokenizers.Metaspace(prepend_scheme="first", split=False), True, False),
             "words": from_sp(sp, None, pre_tokenizers.Metaspace(prepend_scheme="always", split=True), True, False)}
    libraries = {}
    for name, j in files.items():
        with open(os.path.join(HERE, name + ".json"), "w", encoding="utf-8") as f:
            json.dump(j, f, ensure_ascii=False, separators=(",", ":"))
        libraries[name] = Tokenizer.from_str(json.dumps(j))
    for name, proto in protos.items():
        m = sentencepiece_model_pb2.ModelProto.FromString(proto)
        m.trainer_spec.ClearField("input")
        with open(os.path.join(HERE, name + ".model"), "wb") as f:
            f.write(m.SerializeToString())
        libraries[name] = sentencepiece.SentencePieceProcessor(model_proto=m.SerializeToString())
    rng = random.Random(3)
    noise = [bytes(rng.randint(0, 255) for _ in range(rng.randint(1, 40))) for _ in range(60)]
    with open(os.path.join(HERE, "families.jsonl"), "w", encoding="utf-8", newline="\n") as f:
        versions = {p: importlib.metadata.version(p) for p in ("tokenizers", "sentencepiece")}
        f.write(json.dumps({**versions, "unicode": unicodedata.unidata_version, "families": FAMILIES}) + "\n")
        for text in ["", " ", "\n", "  a", "a ", *lines, *mixtures(lines, 400), *composing(60), *noise]:
            key = {"text": text} if isinstance(text, str) else {"hex": text.hex()}
            f.write(json.dumps({**key, "golden": golden(libraries, text)}, separators=(",", ":")) + "\n")


main()
