#!/usr/bin/env python3
"""Do transformers and llama.cpp load what `mynah model export` writes, and compute the same?

    tools/golden/compare_models.py MYNAH MODEL.gguf        (needs: pip install numpy torch transformers accelerate gguf llama-cpp-python)

The model goes out as a folder (f32), and from there as a GGUF file of each type. Then, over one text of several languages:
  transformers  AutoModelForCausalLM and AutoTokenizer load the folder; logits equal those of its own load of MODEL.gguf; chat template too
  llama.cpp     loads each file; its tokens are transformers'; logits of the f32 file equal transformers'; a file that was kept as it
                is equals MODEL.gguf to the bit; for each type the divergence from f32 beside that of llama.cpp's own quantiser
Ends with 1 when something is not as it should be."""
import ctypes
import os
import subprocess
import sys
import tempfile

import llama_cpp
import numpy as np
import torch
import transformers

TEXT = ("The early bird gets the worm, but the second mouse gets the cheese. #wisdom @you http://example.org/a?b=c "
        "Wer fr\u00fcher stirbt, ist l\u00e4nger tot. 123,456.78 \u0415\u0441\u043b\u0438 \u0434\u043e\u043b\u0433\u043e \u0441\u043c\u043e\u0442\u0440\u0435\u0442\u044c "
        "\u4f60\u597d \U0001f426 it's   three blanks\tand\na line. The cat sat on the mat; the dog did not. ") * 2
FTYPES = {"q8_0": 7, "q4_0": 2, "q4_1": 3, "q5_0": 8, "q5_1": 9, "q4_k": 14, "q5_k": 16, "q6_k": 18}
CHAT = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello."}, {"role": "user", "content": "Bye"}]
faults = []


def check(what, good):
    print(f"  {'ok  ' if good else 'BAD '} {what}", flush=True)
    if not good:
        faults.append(what)


def mynah(program, *args):
    subprocess.run([program, "model", *args], check=True, stdout=subprocess.DEVNULL)


def logits_of(model, ids):
    with torch.no_grad():
        return model(torch.tensor([ids])).logits[0].double().numpy()


def run_llama(path, ids):
    llm = llama_cpp.Llama(path, n_ctx=512, n_batch=512, n_threads=1, logits_all=True, verbose=False, type_k=0, type_v=0)
    llm.eval(ids)
    return llm, llm.scores[:len(ids)].astype(np.float64)


def divergence(p, q):
    def log_softmax(a):
        a = a - a.max(-1, keepdims=True)
        return a - np.log(np.exp(a).sum(-1, keepdims=True))
    p, q = log_softmax(p), log_softmax(q)
    return float(np.mean(np.sum(np.exp(p) * (p - q), -1)))


def against_transformers(folder, source):
    tok = transformers.AutoTokenizer.from_pretrained(folder)
    model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    where, name = os.path.split(os.path.abspath(source))
    tok2 = transformers.AutoTokenizer.from_pretrained(where, gguf_file=name)
    model2 = transformers.AutoModelForCausalLM.from_pretrained(where, gguf_file=name, dtype=torch.float32).eval()
    ids = tok(TEXT).input_ids
    logits, logits2 = logits_of(model, ids), logits_of(model2, ids)
    check(f"transformers: {len(ids)} tokens as from the GGUF file", ids == tok2(TEXT).input_ids)
    check(f"transformers: logits off by {np.abs(logits - logits2).max():.2g}", np.abs(logits - logits2).max() < 1e-4)
    chats = [t.apply_chat_template(CHAT, tokenize=False, add_generation_prompt=True) for t in (tok, tok2)]
    check("transformers: the chat template gives the same text", chats[0] == chats[1] and "Bye" in chats[0])
    return tok, ids, logits


def against_llama(program, folder, source, tok, ids, logits):
    tmp = os.path.dirname(folder)
    f32 = f"{tmp}/f32.gguf"
    mynah(program, "export", folder, "--to", f32, "--type", "f32")
    llm, got = run_llama(f32, ids)
    check("llama.cpp: its tokens are transformers'", llm.tokenize(TEXT.encode(), add_bos=False, special=True) == ids)
    check(f"llama.cpp: f32 logits off by {np.abs(got - logits).max():.2g}", np.abs(got - logits).max() < 5e-3)
    check("llama.cpp: chat template, begin and end are kept", llm.metadata.get("tokenizer.chat_template") == tok.chat_template
          and llm.token_bos() == tok.bos_token_id and llm.token_eos() == tok.eos_token_id)
    mynah(program, "export", source, "--to", f"{tmp}/kept.gguf")
    kept, own = run_llama(f"{tmp}/kept.gguf", ids)[1], run_llama(source, ids)[1]
    check("llama.cpp: the file that was kept computes the same bits", np.array_equal(kept, own))
    for name, ftype in FTYPES.items():
        mynah(program, "export", folder, "--to", f"{tmp}/{name}.gguf", "--type", name)
        params = llama_cpp.llama_model_quantize_default_params()
        params.ftype = ftype
        params.nthread = 1
        llama_cpp.llama_model_quantize(f32.encode(), f"{tmp}/ll.gguf".encode(), ctypes.byref(params))
        ours, theirs = (divergence(logits, run_llama(f"{tmp}/{n}.gguf", ids)[1]) for n in (name, "ll"))
        sizes = [os.path.getsize(f"{tmp}/{n}.gguf") / 1e6 for n in (name, "ll")]
        check(f"{name}: {sizes[0]:.1f} MB, diverges by {ours:.5f} (llama.cpp's own: {sizes[1]:.1f} MB, {theirs:.5f})", ours < 1.25 * theirs + 1e-3)
        os.remove(f"{tmp}/{name}.gguf")


def main():
    program, source = sys.argv[1:]
    print(f"transformers {transformers.__version__}, torch {torch.__version__}, llama-cpp-python {llama_cpp.__version__}")
    with tempfile.TemporaryDirectory() as tmp:
        folder = f"{tmp}/folder"
        mynah(program, "export", source, "--to", folder, "--type", "f32")
        tok, ids, logits = against_transformers(folder, source)
        against_llama(program, folder, source, tok, ids, logits)
    print(f"{len(faults)} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
