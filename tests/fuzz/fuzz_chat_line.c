/* module: model
 * Bytes as a line of conversations, through a chat template and as a thread of a model of ours: never a crash; what is accepted has marks on some
 * tokens, none on the first, and fits; what is skipped added nothing. */
#include <stdlib.h>

#include "model/chat_data.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char chat_template[] =
    "{% for m in messages %}{{ '<|start|>' + m['role'] + '\n' + m['content'] + '<|end|>' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|start|>assistant\n' }}{% endif %}";

static mn_model models[2]; /* with and without template */
static mn_chat_coder *coders[2];

static void set_up(void)
{
    mn_err e = {0};
    mn_tok_trainer *t;
    mn_tokenizer *tok;
    if (mn_tok_trainer_new(&t, &e) != MN_OK ||
        mn_tok_trainer_add(t, MN_STR("what is learnt is learnt"), &e) != MN_OK ||
        mn_tok_trainer_finish(t, MN_TOK_SPECIALS + 256 + 4, &tok, &e) != MN_OK)
        abort();
    mn_tok_trainer_free(t);
    for (int i = 0; i < 2; i++) {
        models[i] = (mn_model){.tok = tok, .end_ids = {MN_TOK_END}, .n_end_ids = 1};
        models[i].cfg.V = mn_tok_vocab(tok);
        if (i) models[i].chat_template = MN_STR(chat_template);
        if (mn_chat_coder_new(&models[i], &coders[i], &e) != MN_OK) abort();
    }
}

static void try_line(mn_chat_coder *c, mn_str line, size_t most)
{
    mn_err e = {0};
    mn_examples x = {0};
    bool cut = false;
    mn_chat_skip why = MN_SKIPS;
    mn_rc rc = mn_chat_line(c, line, most, &x, &cut, &why, &e);
    if (rc != MN_OK && rc != MN_E_PARSE && rc != MN_E_NOMEM) abort();
    if (rc == MN_E_PARSE && (why >= MN_SKIPS || x.n || !e.msg[0])) abort();
    uint64_t learnt = 0;
    for (uint64_t i = 0; i < x.n_ids; i++) learnt += x.learn[i];
    if (rc == MN_OK && (!x.n || !learnt || x.learn[0] || x.end[x.n - 1] != x.n_ids)) abort();
    mn_examples_release(&x);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const mn_str line = {(const char *)data, size};
    if (!coders[0]) set_up();
    for (int i = 0; i < 2; i++) {
        try_line(coders[i], line, 40);
        try_line(coders[i], line, 4000);
    }
    return 0;
}
