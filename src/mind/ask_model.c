/* A sentence by the model, or none. Posts are data: they are put before the question as earlier
 * posts of a thread, and whatever the model writes is thrown away unless a quoted post says all
 * of it. */
#include "mind/ask_int.h"

#include "base/clock.h"

#define TOKENS_MAX    80u
#define TEXT_MAX      1000u
#define SENTENCES_MAX 16u

static bool collect(void *arg, mn_str text)
{
    mn_buf *b = arg;
    return mn_buf_adds(b, text) == MN_OK;
}

/* START source REPLY question REPLY, when it fits the context with room to write; fewer otherwise. */
static mn_rc make_prompt(mn_engine *g, mn_str question, mn_str source, mn_ids *ret)
{
    const mn_tokenizer *t = mn_engine_tokenizer(g);
    size_t most = mn_engine_context(g) > TOKENS_MAX ? mn_engine_context(g) - TOKENS_MAX : 0;
    bool ours = mn_tok_is_ours(t);
    for (int with_source = 1; with_source >= 0; with_source--) {
        ret->n = 0;
        if (with_source) {
            MN_TRY(mn_prompt_post(t, mn_now_ms(), MN_STR_NONE, source, ret));
            MN_TRY(ours ? mn_ids_add(ret, MN_TOK_REPLY)
                        : mn_tok_encode(t, NULL, MN_STR("\n"), ret));
            MN_TRY(mn_tok_encode(t, NULL, question, ret));
        } else {
            MN_TRY(mn_prompt_post(t, mn_now_ms(), MN_STR_NONE, question, ret));
        }
        MN_TRY(ours ? mn_ids_add(ret, MN_TOK_REPLY)
                    : mn_tok_encode(t, NULL, MN_STR("\n"), ret));
        if (ret->n <= most) return MN_OK;
    }
    ret->n = 0;
    return MN_OK;
}

mn_rc mn_ask__choose_generated(mn_str text, const mn_ask_question *q, const mn_str *sources,
                               size_t n_sources, mn_arena *scratch, mn_str *ret,
                               size_t *ret_source, mn_err *e)
{
    mn_str s[SENTENCES_MAX], quote;
    size_t n = mn_ask__sentences(text, s, SENTENCES_MAX);
    for (size_t i = 0; i < n; i++) {
        double cover;
        MN_TRY(mn_ask__best_passage(q, s[i], scratch, &quote, &cover, e));
        for (size_t k = 0; k < n_sources && cover >= MN_ASK_COVER; k++) {
            bool ok;
            if (mn_str_find(sources[k], s[i], 0) != SIZE_MAX) break;
            MN_TRY(mn_ask__supported(s[i], sources[k], scratch, &ok, e));
            if (!ok) continue;
            *ret = s[i];
            *ret_source = k;
            return MN_OK;
        }
    }
    return MN_OK;
}

mn_rc mn_ask__model_sentence(mn_engine *g, mn_str question, const mn_ask_question *q,
                             const mn_str *sources, size_t n_sources, mn_arena *a, mn_str *ret,
                             size_t *ret_source, mn_err *e)
{
    mn_ids prompt = {0};
    mn_buf text;
    mn_arena scratch;
    mn_str said = MN_STR_NONE;
    size_t from = 0;
    const mn_sampling greedy = {.temperature = 0, .top_p = 1};
    mn_buf_init(&text, TEXT_MAX);
    mn_arena_init(&scratch, 0);
    mn_rc rc = make_prompt(g, question, sources[0], &prompt);
    if (rc != MN_OK) rc = mn_fail(e, rc, "no memory for a prompt");
    if (rc == MN_OK && prompt.n)
        rc = mn_generate(g, prompt.ptr, prompt.n, &greedy, TOKENS_MAX, collect, &text, NULL, e);
    if (rc == MN_OK)
        rc = mn_ask__choose_generated(mn_buf_str(&text), q, sources, n_sources, &scratch, &said,
                                      &from, e);
    if (rc == MN_OK && said.ptr) {
        said = mn_str_dup(a, said);
        if (!said.ptr) rc = mn_fail(e, MN_E_NOMEM, "no memory for an answer");
    }
    if (rc == MN_OK) {
        *ret = said;
        *ret_source = from;
    }
    mn_ids_release(&prompt);
    mn_buf_release(&text);
    mn_arena_release(&scratch);
    return rc;
}
