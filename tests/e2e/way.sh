#!/bin/sh
# The long way on the command line, each step with --json: import, consent, corpus, train, generate, eval, search, ask.
# tests/e2e/way.sh PROGRAM
set -eu
mynah=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
export MYNAH_DATA="$dir/data"
say() { echo "-- $*"; }
fail() { echo "way: $*" >&2; exit 1; }
field() { python3 -c 'import json,sys; d=json.loads(sys.stdin.read().strip().splitlines()[-1]); print(eval("d"+sys.argv[1]))' "$1"; }

say "a community of our own words"
python3 - >posts.jsonl <<'PY'
import json, random
r = random.Random(3)
who = ["ada", "bruno", "chiara", "dmitri", "elif", "femi", "grace", "hugo"]
what = ["the ferry", "the bakery", "our choir", "the old bridge", "the night market", "the school", "the river", "the museum"]
does = ["opens again", "is closed", "needs volunteers", "looks splendid", "was repaired", "moves", "celebrates", "is very loud"]
when = ["this morning", "on Friday", "after the storm", "for the summer", "since March", "next week", "at noon", "until Sunday"]
for i in range(6000):
    t = f"{r.choice(what).capitalize()} {r.choice(does)} {r.choice(when)}; {r.choice(who)} counted {r.randint(2, 990)} people near {r.choice(what)}."
    print(json.dumps({"id": f"n{i}", "created_at": f"2026-0{1 + i % 9}-{1 + i % 28:02d}T0{i % 10}:00:{i % 60:02d}Z", "author": r.choice(who), "text": t, "lang": "en"}))
print(json.dumps({"id": "x1", "created_at": "2026-09-30T10:00:00Z", "author": "ada", "text": "The lighthouse keeper retires in June after forty years of service.", "lang": "en"}))
PY
say import
"$mynah" import posts.jsonl --json >import.json
[ "$(field '["created"]' <import.json)" = 6001 ] || fail "import: $(cat import.json)"
"$mynah" import posts.jsonl --json >again.json
[ "$(field '["skipped_existing"]' <again.json)" = 6001 ] || fail "import again: $(cat again.json)"
if "$mynah" import posts.jsonl --json >/dev/full 2>err.txt; then fail "a lost result was no failure"; fi
grep -q "could not be written" err.txt || fail "the lost result: $(cat err.txt)"
say "without consent there is no corpus"
if "$mynah" corpus build --json >out.json 2>err.txt; then fail "a corpus was built without consent"; fi
grep -q consent err.txt || fail "the error does not name consent: $(cat err.txt)"
say consent
for a in ada bruno chiara dmitri elif femi grace hugo; do
    "$mynah" account consent "$a" train_generative=allow inference_input=allow --json >/dev/null
done
say "corpus build, verify, stats"
"$mynah" corpus build --name first --json >corpus.json
[ "$(field '["posts_kept"]' <corpus.json)" -gt 3000 ] || fail "corpus: $(cat corpus.json)"
"$mynah" corpus verify first --json >/dev/null
"$mynah" corpus stats first >/dev/null
say train
"$mynah" train --corpus first --preset nano --tokens 300000 --name m --json >train.jsonl
[ "$(field '["model"]' <train.jsonl)" = m ] || fail "train: $(tail -n 1 train.jsonl)"
bits=$(field '["val_bits_per_byte"]' <train.jsonl)
python3 -c "import sys; sys.exit(not 0 < float('$bits') < 3)" || fail "held-out bits per byte: $bits"
say "generate, eval, model"
"$mynah" generate --model m --prompt "The ferry" --max-tokens 20 --seed 1 --json >g1.json
"$mynah" generate --model m --prompt "The ferry" --max-tokens 20 --seed 1 --json >g2.json
[ "$(field '["text"]' <g1.json)" = "$(field '["text"]' <g2.json)" ] || fail "the same seed wrote different text"
echo "The old bridge is closed on Friday." >held.txt
"$mynah" eval --model m --text held.txt --json | field '["bits_per_byte"]' >/dev/null
"$mynah" model list --json | field '["name"]' | grep -qx m || fail "model list"
say "search and ask"
"$mynah" search lighthouse --json | head -n 1 >hit.json
id=$(field '["id"]' <hit.json)
"$mynah" ask "When does the lighthouse keeper retire?" --json >ask.json
[ "$(field '["found"]' <ask.json)" = True ] || fail "ask: $(cat ask.json)"
[ "$(field '["answer"][0]["citations"][0]' <ask.json)" = "$id" ] || fail "ask cites another post: $(cat ask.json)"
"$mynah" ask "quantum chromodynamics on a lattice" --json | field '["found"]' | grep -qx False || fail "nonsense was answered"
say "wrong usage exits 2, failures 1"
set +e
"$mynah" train --minutes soon >/dev/null 2>&1; [ $? = 2 ] || fail "wrong usage"
"$mynah" import nowhere.jsonl >/dev/null 2>&1; [ $? = 1 ] || fail "missing file"
for c in serve import corpus tokenizer train eval generate model search ask account bench; do
    "$mynah" $c --help >/dev/null 2>&1 || fail "$c --help"
done
echo "the whole way holds"
