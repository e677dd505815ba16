#!/bin/sh
# A data folder with a promoted model: model.sh DATA PROGRAM; prints the model's name. It is SmolLM2-135M-Instruct where $MYNAH_SMOLLM2 (or
# build/models/smollm2.gguf) is, else one trained here within seconds: clients' tests look at the protocol, not at what a model knows.
set -eu
export MYNAH_DATA=$1
mynah=$2
for f in "${MYNAH_SMOLLM2:-}" build/models/smollm2.gguf; do
    if [ -n "$f" ] && [ -f "$f" ]; then
        "$mynah" model import "$f" --name smollm2 --json >/dev/null
        "$mynah" model promote smollm2 --json >/dev/null
        echo smollm2
        exit
    fi
done
awk 'BEGIN {
    split("ada bruno chiara", who); split("the ferry,the bakery,our choir,the old bridge", what, ",")
    split("opens again,is closed,needs volunteers,moves", does, ","); split("on Friday,next week,at noon,in June", when, ",")
    for (i = 0; i < 1500; i++)
        printf "{\"id\":\"n%d\",\"created_at\":\"2026-0%d-%02dT0%d:00:%02dZ\",\"author\":\"%s\",\"lang\":\"en\",\"text\":\"%s %s %s, said %d people near %s.\"}\n",
            i, 1 + i % 9, 1 + i % 28, i % 10, i % 60, who[1 + i % 3], what[1 + i % 4], does[1 + int(i / 4) % 4], when[1 + int(i / 16) % 4],
            (i * 7919) % 977, what[1 + int(i / 64) % 4]
}' >"$1/posts.jsonl"
"$mynah" import "$1/posts.jsonl" --json >/dev/null
for a in ada bruno chiara; do "$mynah" account consent "$a" train_generative=allow --json >/dev/null; done
"$mynah" corpus build --name c --json >/dev/null
"$mynah" train --corpus c --preset nano --tokens 60000 --name small --json >/dev/null
"$mynah" model promote small --json >/dev/null
echo small
