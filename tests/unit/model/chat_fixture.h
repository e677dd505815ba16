/* A tokenizer of ours trained on a few words, and a model without weights around it: enough to read conversations. */
#ifndef MN_TESTS_CHAT_FIXTURE_H
#define MN_TESTS_CHAT_FIXTURE_H

#include "test.h"

#include "model/chat_data.h"

#define CHAT_TEMPLATE                                                                          \
    "{% for m in messages %}{{ '<|start|>' + m['role'] + '\\n' + m['content'] + "              \
    "'<|end|>' + '\\n' }}{% endfor %}"                                                         \
    "{% if add_generation_prompt %}{{ '<|start|>assistant\\n' }}{% endif %}"

static inline mn_tokenizer *chat_tokenizer(void)
{
    static const char *const texts[] = {"What does the mynah eat? Plums, only plums.",
                                        "It likes them. user assistant system",
                                        "Where does it live? On the mill roof of the town."};
    mn_err e = {0};
    mn_tok_trainer *t;
    mn_tokenizer *tok;
    RUN(mn_tok_trainer_new(&t, &e));
    for (size_t i = 0; i < 3; i++)
        for (int k = 0; k < 3; k++) RUN(mn_tok_trainer_add(t, mn_str_from(texts[i]), &e));
    RUN(mn_tok_trainer_finish(t, MN_TOK_SPECIALS + 256 + 40, &tok, &e));
    mn_tok_trainer_free(t);
    return tok;
}

/* Free tok. template NULL: none. */
static inline mn_model chat_model(const char *chat_template)
{
    mn_model m = {.tok = chat_tokenizer(), .end_ids = {MN_TOK_END}, .n_end_ids = 1};
    m.cfg.V = mn_tok_vocab(m.tok);
    m.chat_template = mn_str_from(chat_template);
    return m;
}

#endif
