#!/usr/bin/env python3
"""Writes damaged and hostile files for bad.sh: bad_files.py FOLDER; and damages one: bad_files.py flip FILE OFFSET."""
import io
import json
import os
import random
import struct
import sys
import tarfile
import zipfile
import zlib

LINE = '{"id":"%s","created_at":"2026-03-01T10:00:00Z","author":"mallory","text":"%s"}'


def flip(path, offset):
    with open(path, "r+b") as f:
        f.seek(0, 2)
        at = offset if offset >= 0 else f.tell() // 2
        f.seek(at)
        b = f.read(8)
        f.seek(at)
        f.write(bytes(x ^ 0x5A for x in b))


def put(name, data):
    os.makedirs(os.path.dirname(name) or ".", exist_ok=True)
    with open(name, "wb") as f:
        f.write(data if isinstance(data, bytes) else data.encode())


def good(n, prefix="g"):
    return "".join(LINE % (f"{prefix}{i}", f"A fine day number {i} at the harbour") + "\n" for i in range(n))


def json_lines():
    head = good(50)
    put("truncated.jsonl", head + (LINE % ("t1", "cut"))[:60])
    put("text-is-number.jsonl", head + '{"id":"1","created_at":"2026-03-01T10:00:00Z","text":7}\n')
    put("text-is-object.jsonl", head + '{"id":"1","created_at":"2026-03-01T10:00:00Z","text":{"a":1}}\n')
    put("time-is-word.jsonl", head + '{"id":"1","created_at":"yesterday","text":"x"}\n')
    put("no-id.jsonl", head + '{"created_at":"2026-03-01T10:00:00Z","text":"x"}\n')
    put("array.jsonl", head + '[1,2,3]\n')
    put("author-is-list.jsonl", head + '{"id":"1","created_at":"2026-03-01T10:00:00Z","text":"x","author":[]}\n')
    put("consent-is-word.jsonl", head + '{"id":"1","created_at":"2026-03-01T10:00:00Z","text":"x","consent":"all"}\n')
    put("consent-purpose.jsonl", head + '{"id":"1","created_at":"2026-03-01T10:00:00Z","text":"x","consent":{"everything":"allow"}}\n')
    put("not-utf8.jsonl", head.encode() + b'{"id":"1","created_at":"2026-03-01T10:00:00Z","text":"caf\xe9 \xff\xfe"}\n')
    put("surrogate.jsonl", head + '{"id":"1","created_at":"2026-03-01T10:00:00Z","text":"\\ud800 alone"}\n')
    put("nul.jsonl", head.encode() + b'{"id":"1","created_at":"2026-03-01T10:00:00Z","text":"a\0b"}\n')
    put("long-line.jsonl", head + LINE % ("1", "x" * (2 << 20)) + "\n")
    put("deep.jsonl", head + '{"id":"1","x":' + "[" * 100000 + "]" * 100000 + "}\n")
    put("not-json.jsonl", head + "this is not JSON\n")
    put("words.txt", "just some words\nand more of them\n")
    put("binary.bin", bytes(random.Random(1).randbytes(20000)))
    put("empty.jsonl", "")
    put("author-is-path.jsonl", head + '{"id":"1","created_at":"2026-03-01T10:00:00Z","text":"x","author":"../../etc"}\n')
    os.makedirs("nothing", exist_ok=True)
    put("unreadable.jsonl", head)
    os.chmod("unreadable.jsonl", 0)


def zip_of(name, entries):
    with zipfile.ZipFile(name, "w", zipfile.ZIP_DEFLATED) as z:
        for n, data in entries:
            z.writestr(zipfile.ZipInfo(n) if isinstance(n, str) else n, data)


def raw_zip(name, entries):
    """entries: (name, method, crc, packed, size); zip64 end records, so any number of them."""
    central = io.BytesIO()
    n = 0
    with open(name, "wb") as f:
        for entry, method, crc, packed, size in entries:
            at, e = f.tell(), entry.encode()
            f.write(struct.pack("<IHHHHHIIIHH", 0x04034B50, 20, 0, method, 0, 0x5A21, crc, len(packed), size, len(e), 0) + e + packed)
            central.write(struct.pack("<IHHHHHHIIIHHHHHII", 0x02014B50, 20, 20, 0, method, 0, 0x5A21, crc, len(packed), size,
                                      len(e), 0, 0, 0, 0, 0, at) + e)
            n += 1
        at, c = f.tell(), central.getvalue()
        f.write(c)
        f.write(struct.pack("<IQHHIIQQQQ", 0x06064B50, 44, 45, 45, 0, 0, n, n, len(c), at))
        f.write(struct.pack("<IIQI", 0x07064B50, 0, at + len(c), 1))
        f.write(struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0))


def bomb(name):
    """Three GiB of the same good line in about 10 MB."""
    line = (LINE % ("1", "x" * 100) + "\n").encode()
    block = line * ((4 << 20) // len(line))
    pack = zlib.compressobj(9, zlib.DEFLATED, -15)
    one = pack.compress(block) + pack.flush(zlib.Z_FULL_FLUSH)
    n = (3 << 30) // len(block)
    raw_zip(name, [("posts.jsonl", 8, 0, one * n + zlib.compressobj(9, zlib.DEFLATED, -15).flush(), n * len(block))])


def archives():
    posts = good(50)
    evil = LINE % ("e1", "evil") + "\n"
    zip_of("traversal.zip", [("posts.jsonl", posts), ("../../outside.jsonl", evil)])
    zip_of("absolute.zip", [("posts.jsonl", posts), ("/tmp/outside.jsonl", evil)])
    zip_of("backslash.zip", [("posts.jsonl", posts), ("..\\outside.jsonl", evil)])
    link = zipfile.ZipInfo("more.jsonl")
    link.create_system, link.external_attr = 3, 0o120777 << 16
    zip_of("symlink.zip", [("posts.jsonl", posts), (link, "/etc/passwd")])
    for name, kind, where in (("symlink.tar.gz", tarfile.SYMTYPE, "/etc/passwd"), ("hardlink.tar.gz", tarfile.LNKTYPE, "../../etc/passwd"),
                              ("traversal.tar.gz", tarfile.REGTYPE, "")):
        with tarfile.open(name, "w:gz") as t:
            i = tarfile.TarInfo("posts.jsonl")
            i.size = len(posts)
            t.addfile(i, io.BytesIO(posts.encode()))
            i = tarfile.TarInfo("../evil.jsonl" if kind == tarfile.REGTYPE else "evil.jsonl")
            i.type, i.linkname = kind, where
            i.size = len(evil) if kind == tarfile.REGTYPE else 0
            t.addfile(i, io.BytesIO(evil.encode()))
    noise = random.Random(2).randbytes(30000).hex()
    zip_of("whole.zip", [("posts.jsonl", posts + LINE % ("n1", noise[:900]) + "\n"), ("more.jsonl", good(2000, "h"))])
    whole = open("whole.zip", "rb").read()
    put("cut.zip", whole[: len(whole) // 2])
    put("cut-early.zip", whole[:200])
    flip_at = 400
    put("crc.zip", whole[:flip_at] + bytes([whole[flip_at] ^ 0xFF]) + whole[flip_at + 1:])
    tgz = open("traversal.tar.gz", "rb").read()
    put("cut.tar.gz", tgz[: len(tgz) // 2])
    bomb("bomb.zip")
    raw_zip("many.zip", ((f"d/{i:06}.jsonl", 0, 0, b"", 0) for i in range(300000)))
    zip_of("nested.zip", [("inner.zip", whole)])


def tweet(i):
    return {"tweet": {"id_str": str(1500000000000000000 + (i << 22)), "id": str(1500000000000000000 + (i << 22)), "full_text": f"tweet number {i}",
                      "created_at": "Sun Mar 06 10:00:00 +0000 2022", "lang": "en"}}


def x_archive():
    account = 'window.YTD.account.part0 = [{"account":{"username":"mallory_x","accountId":"77","accountDisplayName":"M"}}]'
    manifest = {"userInfo": {"accountId": "77", "userName": "mallory_x", "displayName": "M"},
                "dataTypes": {"account": {"files": [{"fileName": "data/account.js", "globalName": "YTD.account.part0", "count": "1"}]},
                              "tweets": {"files": [{"fileName": "data/tweets.js", "globalName": "YTD.tweets.part0", "count": "30000"}]}}}
    body = ",\n".join(json.dumps(tweet(i)) for i in range(25000))
    broken = "window.YTD.tweets.part0 = [" + body + ',\n{"tweet":{"id_str":"150000", "full_text": broken here}},\n' + json.dumps(tweet(1)) + "]"
    for name, tweets in (("x-broken.zip", broken), ("x-cut.zip", "window.YTD.tweets.part0 = [" + body[:-40])):
        zip_of(name, [("data/manifest.js", "window.__THAR_CONFIG = " + json.dumps(manifest)), ("data/account.js", account), ("data/tweets.js", tweets)])
    put("mastodon-broken/outbox.json", '{"@context":"https://www.w3.org/ns/activitystreams","type":"OrderedCollection","orderedItems":[{"type":"Create", nonsense')
    put("mastodon-broken/actor.json", '{"type":"Person","preferredUsername":"mallory_m","id":"https://social.example/users/mallory_m"}')
    put("grailbird-broken/data/js/tweet_index.js", "var tweet_index = [ {")
    put("grailbird-broken/data/js/user_details.js", "var user_details = {}")


def models(good_model):
    """Copies of a good model, each with one thing wrong."""
    files = {n: open(os.path.join(good_model, n), "rb").read() for n in ("config.json", "tokenizer.json", "model.safetensors")}
    config = json.loads(files["config.json"])
    weights = files["model.safetensors"]
    n = struct.unpack("<Q", weights[:8])[0]
    head = json.loads(weights[8:8 + n])
    first = next(k for k in head if k != "__metadata__")

    def with_head(change):
        h = json.loads(json.dumps(head))
        change(h)
        raw = json.dumps(h).encode()
        return struct.pack("<Q", len(raw)) + raw + weights[8 + n:]

    def configured(**kw):
        return json.dumps({**config, **kw}).encode()

    tok = json.loads(files["tokenizer.json"])
    cases = {
        "config-not-json": ("config.json", b"{ not json"),
        "config-empty": ("config.json", b""),
        "config-huge-layers": ("config.json", configured(num_hidden_layers=1 << 30)),
        "config-zero-heads": ("config.json", configured(num_attention_heads=0)),
        "config-negative": ("config.json", configured(hidden_size=-64)),
        "config-words": ("config.json", configured(hidden_size="wide")),
        "config-other": ("config.json", configured(model_type="gpt2", architectures=["GPT2LMHeadModel"])),
        "config-vocab": ("config.json", configured(vocab_size=config["vocab_size"] * 2)),
        "tok-not-json": ("tokenizer.json", b"\xff\xfe garbage"),
        "tok-array": ("tokenizer.json", b"[]"),
        "tok-deep": ("tokenizer.json", b"[" * 1000000),
        "tok-merge": ("tokenizer.json", json.dumps({**tok, "model": {**tok["model"], "merges": [["zzz", "yyy"]]}}).encode()),
        "tok-ids": ("tokenizer.json", json.dumps({**tok, "model": {**tok["model"], "vocab": {k: 4000000000 for k in tok["model"]["vocab"]}}}).encode()),
        "tok-type": ("tokenizer.json", json.dumps({**tok, "model": {**tok["model"], "type": "Unigram"}}).encode()),
        "st-empty": ("model.safetensors", b""),
        "st-cut": ("model.safetensors", weights[: len(weights) // 2]),
        "st-head-cut": ("model.safetensors", weights[:100]),
        "st-head-huge": ("model.safetensors", struct.pack("<Q", 1 << 60) + weights[8:]),
        "st-head-noise": ("model.safetensors", weights[:8] + b"\xff" * n + weights[8 + n:]),
        "st-offsets": ("model.safetensors", with_head(lambda h: h[first].update(data_offsets=[0, 1 << 62]))),
        "st-backwards": ("model.safetensors", with_head(lambda h: h[first].update(data_offsets=[100, 4]))),
        "st-shape": ("model.safetensors", with_head(lambda h: h[first].update(shape=[1 << 40, 1 << 40]))),
        "st-dtype": ("model.safetensors", with_head(lambda h: h[first].update(dtype="F4"))),
        "st-missing": ("model.safetensors", with_head(lambda h: h.pop(first))),
    }
    for name, (which, data) in cases.items():
        for f, body in files.items():
            put(os.path.join("model-" + name, f), data if f == which else body)
    print(" ".join(cases))


if __name__ == "__main__":
    if sys.argv[1] == "flip":
        flip(sys.argv[2], int(sys.argv[3]))
    elif sys.argv[1] == "models":
        os.chdir(sys.argv[2])
        models(sys.argv[3])
    else:
        os.makedirs(sys.argv[1], exist_ok=True)
        os.chdir(sys.argv[1])
        json_lines()
        archives()
        x_archive()
