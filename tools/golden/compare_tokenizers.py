#!/usr/bin/env python3
"""Compares `mynah tokenizer encode` with the libraries that tokenizers come from, text by text, id by id.

    python3 -m venv /tmp/venv && /tmp/venv/bin/pip install tokenizers==0.23.3 sentencepiece==0.2.3 tiktoken==0.14.0 gguf faker
    /tmp/venv/bin/python tools/golden/compare_tokenizers.py FILE [--lines 100000] [--tweets FILE...] [--program ./mynah]
    /tmp/venv/bin/python tools/golden/compare_tokenizers.py FILE --hash     # of the ids of generated texts, for tests

FILE is a tokenizer.json (compared with `tokenizers`), a tokenizer.model (`sentencepiece`) or a GGUF file: of model "gpt2" with
`tokenizers`, of "llama" with `sentencepiece`, both made of what the file holds. --tiktoken compares a byte-level file with
tiktoken instead. Texts: --tweets files (one a line) as far as they go, then words of twelve languages, emoji, random Unicode, white space and
digits of every kind, and (sentencepiece only) random bytes. Prints one JSON line; exit status 1 when any text differs.
"""
import argparse
import hashlib
import importlib.metadata as versions
import json
import random
import subprocess
import sys
import unicodedata

LOCALES = "en_US de_DE fr_FR es_ES ja_JP zh_CN ko_KR ru_RU ar_AA el_GR th_TH he_IL".split()
GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
LLAMA3 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
          r"|\s*[\r\n]+|\s+(?!\S)|\s+")
QWEN2 = LLAMA3.replace("{1,3}", "")


# ---- texts ----------------------------------------------------------------------------------------------------------

SPACES = [" ", " ", " ", "  ", "   ", "\n", "\n\n", "\r\n", "\t", "\u00a0", "\u3000", "\u2028", "\u0085", "\x0b", "\x1c", "\u200b", "\u2581"]
BITS = ["'s", "'S", "'re", "'LL", "'\u017f", "'", "1", "23", "4567", "\u0663\u0664", "\u00bd", "\u2163", "e\u0301", "\u0301", "\u00df", "\u0130", "\u1e9e",
        "\u8a9e", "\ud55c", "\u1112\u1161\u11ab", "!", "...", "_", "\u2014", "<|", "|>", "[INST]", "\x01", "the", "The", "word", "don't", "\u212b", "\ufb01"]
EMOJI = ["\U0001f642", "\U0001f44d\U0001f3fd", "\U0001f468\u200d\U0001f469\u200d\U0001f467", "\U0001f1e9\U0001f1ea", "\u2764\ufe0f", "#\ufe0f\u20e3", "\u263a"]


def tweets(files):
    for name in files:
        with open(name, encoding="utf-8") as f:
            yield from (line.rstrip("\n") for line in f)


def spoken(rng, n):
    from faker import Faker
    fakes = [Faker(code) for code in LOCALES]
    for i, fake in enumerate(fakes):
        fake.seed_instance(rng.randrange(1 << 30) + i)
    for i in range(n):
        fake = fakes[i % len(fakes)]
        yield fake.text(max_nb_chars=rng.randint(20, 200)) if i % 3 else f"{fake.name()}, {fake.address()}: {fake.phone_number()}"


def smileys(rng, n):
    for _ in range(n):
        parts = [rng.choice(EMOJI + [chr(rng.randint(0x1F300, 0x1FAFF)), rng.choice(BITS), rng.choice(SPACES)]) for _ in range(rng.randint(1, 20))]
        yield "".join(parts)


def scalar(rng):
    while True:
        cp = rng.choice((rng.randint(1, 0x7F), rng.randint(1, 0x24F), rng.randint(1, 0x2FFF), rng.randint(1, 0xFFFF), rng.randint(1, 0x10FFFF)))
        if not 0xD800 <= cp < 0xE000:
            return chr(cp)


def wild(rng, n):
    for i in range(n):
        make = (lambda: scalar(rng)) if i % 2 else (lambda: rng.choice(rng.choice((SPACES, BITS))))
        yield "".join(make() for _ in range(rng.randint(1, 40)))


def raw(rng, n):
    for _ in range(n):
        yield bytes(rng.randint(1, 255) for _ in range(rng.randint(1, 60)))


def texts(n, files, with_bytes, seed=20261122):
    """n texts (str, or bytes that are not UTF-8), without NUL. The same for the same arguments."""
    rng = random.Random(seed)
    out = [t.replace("\0", "") for t in tweets(files)][: n * 6 // 10]
    rest = n - len(out)
    out += [t for t in spoken(rng, rest * 4 // 10)] if rest * 4 // 10 else []
    out += smileys(rng, rest * 2 // 10)
    if with_bytes:
        out += raw(rng, rest * 1 // 10)
    out += wild(rng, n - len(out))
    return out


# ---- references -------------------------------------------------------------------------------------------------------

def from_gguf(path):
    from gguf import GGUFReader
    fields = GGUFReader(path).fields
    return {k[len("tokenizer.ggml."):]: f.contents() for k, f in fields.items() if k.startswith("tokenizer.ggml.")}


def hugging_face(path):
    from tokenizers import AddedToken, Regex, Tokenizer, models, normalizers, pre_tokenizers
    if path.endswith(".json"):
        return Tokenizer.from_file(path)
    g = from_gguf(path)
    pre = g["pre"]
    vocab = {t: i for i, t in enumerate(g["tokens"])}
    merges = [tuple(m.split(" ")) for m in g["merges"]]
    t = Tokenizer(models.BPE(vocab=vocab, merges=merges, ignore_merges=pre == "llama-bpe"))
    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=pre in ("gpt-2", "smollm", "starcoder"))
    if pre in ("smollm", "starcoder"):
        byte_level = pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), byte_level])
    if pre in ("llama-bpe", "qwen2"):
        split = pre_tokenizers.Split(Regex(LLAMA3 if pre == "llama-bpe" else QWEN2), behavior="isolated")
        byte_level = pre_tokenizers.Sequence([split, byte_level])
    if pre == "qwen2":
        t.normalizer = normalizers.NFC()
    t.pre_tokenizer = byte_level
    added = [(s, k) for s, k in zip(g["tokens"], g["token_type"]) if k in (3, 4)]
    t.add_special_tokens([AddedToken(s, normalized=False, special=True) for s, k in added if k == 3])
    t.add_tokens([AddedToken(s, normalized=False) for s, k in added if k == 4])
    return t


def sentence_piece(path):
    import sentencepiece
    if path.endswith(".model"):
        return sentencepiece.SentencePieceProcessor(model_file=path)
    from sentencepiece import sentencepiece_model_pb2
    g = from_gguf(path)
    m = sentencepiece_model_pb2.ModelProto()
    for token, score, kind in zip(g["tokens"], g["scores"], g["token_type"]):
        m.pieces.add(piece=token, score=score, type=kind)
    m.trainer_spec.model_type = 2
    m.trainer_spec.byte_fallback = 6 in g["token_type"]
    m.normalizer_spec.name = "identity"
    m.normalizer_spec.add_dummy_prefix = g.get("add_space_prefix", True)
    m.normalizer_spec.remove_extra_whitespaces = False
    return sentencepiece.SentencePieceProcessor(model_proto=m.SerializeToString())


def alphabet():
    own = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    chars = {chr(b): b for b in own}
    for i, b in enumerate(b for b in range(256) if b not in own):
        chars[chr(256 + i)] = b
    return chars


def tik_token(path, hf):
    import tiktoken
    chars = alphabet()
    added = {t.content for t in hf.get_added_tokens_decoder().values()}
    ranks = {bytes(chars[c] for c in s): i for s, i in hf.get_vocab().items() if s not in added}
    pattern = QWEN2 if "qwen" in path.lower() else GPT2 if "gpt-2" in path else LLAMA3
    return tiktoken.Encoding(name="compared", pat_str=pattern, mergeable_ranks=ranks, special_tokens={})


def reference(path, use_tiktoken):
    """(library, function from a text to ids, whether it takes bytes that are not UTF-8, texts of added tokens)"""
    pieces = path.endswith(".model") or (path.endswith(".gguf") and from_gguf(path)["model"] == "llama")
    if pieces:
        sp = sentence_piece(path)
        return "sentencepiece", sp.encode, True, []
    hf = hugging_face(path)
    added = [t.content for t in hf.get_added_tokens_decoder().values()]
    if use_tiktoken:
        bare, normal = tik_token(path, hf).encode_ordinary, hf.normalizer
        return "tiktoken", lambda s: bare(normal.normalize_str(s) if normal else s), False, []
    return "tokenizers", lambda s: hf.encode(s, add_special_tokens=False).ids, False, added


# ---- ours -------------------------------------------------------------------------------------------------------------

def ours(program, path, list_of_texts, special):
    command = [*program.split(), "tokenizer", "encode", "--tokenizer", path, "--zero"] + (["--special"] if special else [])
    data = b"".join((t if isinstance(t, bytes) else t.encode()) + b"\0" for t in list_of_texts)
    done = subprocess.run(command, input=data, stdout=subprocess.PIPE, check=True)
    return [[int(i) for i in line.split()] for line in done.stdout.decode().split("\n")[:-1]]


def marked(rng, list_of_texts, added, n):
    """Texts with added tokens written out in them."""
    out = []
    for _ in range(n if added else 0):
        parts = [rng.choice(list_of_texts)[:40]]
        for _ in range(rng.randint(1, 4)):
            parts += [rng.choice(added), rng.choice(["", " ", "\n", "  ", rng.choice(list_of_texts)[:30]])]
        out.append("".join(parts).replace("\0", ""))
    return out


def new_characters(text):
    """Characters that this Python's Unicode does not know, for the report."""
    return [f"U+{ord(c):04X}" for c in text if unicodedata.category(c) == "Cn"]


def compare(program, path, encode, list_of_texts, special):
    wrong = []
    for text, got in zip(list_of_texts, ours(program, path, list_of_texts, special), strict=True):
        want = encode(text)
        if want != got:
            wrong.append(text)
            if len(wrong) <= 5:
                print(f"differs: {text!r}\n  reference {want}\n  mynah     {got}", file=sys.stderr)
                if isinstance(text, str) and new_characters(text):
                    print(f"  holds {new_characters(text)}", file=sys.stderr)
    return len(wrong)


def main():
    a = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    a.add_argument("file")
    a.add_argument("--lines", type=int, default=100_000)
    a.add_argument("--tweets", nargs="*", default=[])
    a.add_argument("--program", default="./mynah")
    a.add_argument("--tiktoken", action="store_true")
    a.add_argument("--hash", action="store_true", help="print the hash of the reference's ids of the generated texts of test_tok_vocabs.c")
    a = a.parse_args()
    library, encode, takes_bytes, added = reference(a.file, a.tiktoken)
    if a.hash:
        print(library, versions.version(library), generated_hash(encode))
        return 0
    all_texts = texts(a.lines, a.tweets, takes_bytes)
    wrong = compare(a.program, a.file, encode, all_texts, False)
    strings = [t for t in all_texts if isinstance(t, str)]
    with_added = marked(random.Random(7), strings, added, max(1, a.lines // 20))
    wrong += compare(a.program, a.file, encode, with_added, True)
    print(json.dumps({"file": a.file.rsplit("/", 1)[-1], "library": library, "version": versions.version(library), "texts": len(all_texts),
                      "with_added_tokens": len(with_added), "differ": wrong}))
    return 1 if wrong else 0


# ---- the texts of tests/unit/text/test_tok_vocabs.c -----------------------------------------------------------------------

M64 = (1 << 64) - 1


def generated(n):
    """The same texts as generated_text() in C: words of a 64-bit generator over a list of bits."""
    bits = [*SPACES, *BITS, *EMOJI]
    state = 20261122
    for _ in range(n):
        parts = []
        state = (state * 6364136223846793005 + 1442695040888963407) & M64
        for _ in range(1 + (state >> 33) % 24):
            state = (state * 6364136223846793005 + 1442695040888963407) & M64
            pick = state >> 33
            if pick % 4:
                parts.append(bits[(pick >> 2) % len(bits)])
            else:
                cp = (pick >> 2) % 0x3000 + 1
                parts.append(chr(cp))
        yield "".join(parts)


def generated_hash(encode):
    h = hashlib.sha256()
    for text in generated(20_000):
        ids = encode(text)
        h.update(len(ids).to_bytes(4, "little"))
        for i in ids:
            h.update(i.to_bytes(4, "little"))
    return h.hexdigest()


if __name__ == "__main__":
    sys.exit(main())
