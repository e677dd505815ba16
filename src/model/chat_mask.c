/* Where a conversation's answers lie among its tokens. The idea is in chat_data.h: render the text before each answer, with and
 * without it, and compare. Tokens are those of the whole text; one belongs to an answer when its first byte does. */
#include <string.h>

#include "base/mem.h"
#include "model/chat_int.h"
#include "text/langid.h"

static bool is_assistant(const mn_json *turn)
{
    return mn_str_eqz(mn_json_str(mn_json_get(turn, "role")), "assistant");
}

/* ---- rendering ------------------------------------------------------------------------------------------------------ */

/* The first n messages and what else templates ask for, as an object on the arena. */
static mn_json *make_vars(mn_arena *a, const mn_json *messages, size_t n, const mn_json *tools,
                          bool answer)
{
    mn_json *o = mn_arena_calloc(a, 1, sizeof *o), *first = mn_arena_calloc(a, 1, sizeof *o),
            *yes = mn_arena_calloc(a, 1, sizeof *o);
    mn_json **items = mn_arena_calloc(a, 3, sizeof *items);
    mn_str *keys = mn_arena_calloc(a, 3, sizeof *keys);
    if (!o || !first || !yes || !items || !keys) return NULL;
    *first = *messages;
    first->n = n;
    *yes = (mn_json){.type = MN_JSON_BOOL, .boolean = answer};
    keys[0] = MN_STR("messages"), items[0] = first;
    keys[1] = MN_STR("add_generation_prompt"), items[1] = yes;
    keys[2] = MN_STR("tools");
    if (tools) {
        items[2] = mn_arena_calloc(a, 1, sizeof *o);
        if (!items[2]) return NULL;
        *items[2] = *tools;
    }
    *o = (mn_json){.type = MN_JSON_OBJECT, .n = tools ? 3 : 2, .items = items, .keys = keys};
    return o;
}

typedef struct talk {
    mn_chat_coder *c;
    const mn_json *messages, *tools;
    mn_chat_skip *skip;
} talk;

/* spans may be NULL, else they are on the line's arena. */
static mn_rc render(const talk *t, size_t n, bool answer, mn_buf *ret, mn_span **spans,
                    size_t *n_spans, mn_err *e)
{
    mn_arena *a = spans ? &t->c->arena : &t->c->scratch;
    mn_arena_reset(&t->c->scratch);
    mn_json *vars = make_vars(a, t->messages, n, t->tools, answer);
    const mn_jinja_opts how = {.now_ms = MN_CHAT_DAY_MS};
    if (!vars) return mn_fail(e, MN_E_NOMEM, "no memory for a conversation");
    mn_buf_clear(ret);
    mn_rc rc = mn_jinja_render(t->c->jinja, vars, &how, a, ret, spans, n_spans, e);
    if (rc == MN_OK || rc == MN_E_NOMEM) return rc;
    mn_err_wrap(e, "the model's chat template");
    *t->skip = MN_SKIP_TEMPLATE;
    return MN_E_PARSE;
}

static bool begins(const mn_buf *whole, const mn_buf *part)
{
    return whole->len >= part->len && memcmp(whole->ptr, part->ptr, part->len) == 0;
}

/* The answer at turn i: from the end of what is before it (with the generation prompt) to the end of the turn, whose text is left in
 * c->part. *ret_from is where it begins. */
static mn_rc find_answer(const talk *t, size_t i, size_t *ret_from, mn_err *e)
{
    mn_chat_coder *c = t->c;
    mn_buf before;
    mn_buf_init(&before, 0);
    mn_rc rc = render(t, i, true, &before, NULL, NULL, e);
    if (rc == MN_OK) rc = render(t, i + 1, false, &c->part, NULL, NULL, e);
    if (rc == MN_OK && !begins(&c->part, &before))
        rc = MN_CHAT__SKIP(t->skip, MN_SKIP_TEMPLATE, e,
                           "the model's chat template shows the text before an answer in "
                           "another way once the answer is there: what is learnt would not be "
                           "what is asked later");
    if (rc == MN_OK) *ret_from = before.len;
    mn_buf_release(&before);
    return rc;
}

/* ---- tokens ------------------------------------------------------------------------------------------------------------- */

mn_rc mn_chat__marks(mn_chat_coder *c, mn_err *e)
{
    if (c->cap_learn < c->ids.n + 1) {
        size_t cap = c->ids.n + c->ids.n / 2 + 64;
        uint8_t *learn = mn_realloc(c->learn, cap);
        if (learn) c->learn = learn;
        size_t *start = mn_reallocarray(c->start, cap, sizeof *start);
        if (start) c->start = start;
        if (!learn || !start) return mn_fail(e, MN_E_NOMEM, "no memory for a conversation");
        c->cap_learn = cap;
    }
    memset(c->learn, 0, c->cap_learn);
    return MN_OK;
}

mn_rc mn_chat__map(mn_chat_coder *c, mn_str text, mn_err *e)
{
    size_t at = 0;
    for (size_t k = 0; k < c->ids.n; k++) {
        mn_str b = mn_tok_bytes(c->tok, c->ids.ptr[k]);
        const char *p = text.ptr + at;
        const size_t left = text.len - at;
        /* SentencePiece puts a blank before the text (and after control tokens) that is not there */
        bool extra = b.len && b.ptr[0] == ' ' && (!left || *p != ' ');
        if (extra) b = mn_str_sub(b, 1, b.len - 1);
        if (b.len > left || memcmp(p, b.ptr, b.len) != 0)
            return mn_fail(e, MN_E_PARSE, "its tokens do not spell it from byte %zu on", at);
        c->start[k] = at;
        at += b.len;
    }
    if (at == text.len) return MN_OK;
    return mn_fail(e, MN_E_PARSE, "its tokens end at byte %zu of %zu", at, text.len);
}

static mn_rc encode(mn_chat_coder *c, mn_str text, const mn_span *spans, size_t n, mn_err *e)
{
    mn_tok_plain *plain = mn_arena_calloc(&c->arena, n + 1, sizeof *plain);
    if (!plain) return mn_fail(e, MN_E_NOMEM, "no memory for a conversation");
    for (size_t i = 0; i < n; i++) plain[i] = (mn_tok_plain){spans[i].from, spans[i].to};
    mn_ids_clear(&c->ids);
    if (mn_tok_encode_prompt(c->tok, text, plain, n, &c->ids) != MN_OK)
        return mn_fail(e, MN_E_NOMEM, "no memory for a conversation");
    return mn_chat__marks(c, e);
}

/* Marks the tokens of an answer up to its end token; returns how many tokens there are up to and with the last one marked. */
static size_t mark(mn_chat_coder *c, mn_chat__answer answer, size_t from)
{
    size_t last = from;
    for (size_t k = from; k < c->ids.n && c->start[k] < answer.to; k++) {
        if (c->start[k] < answer.from) continue;
        c->learn[k] = 1;
        last = k + 1;
        if (mn_chat__is_end(c, c->ids.ptr[k])) break;
    }
    return last;
}

/* A template that ends no turn: the text's end token is put after the last answer. */
static mn_rc close_answer(mn_chat_coder *c, size_t *io_end, mn_err *e)
{
    c->ids.n = *io_end;
    if (mn_ids_add(&c->ids, c->end) != MN_OK)
        return mn_fail(e, MN_E_NOMEM, "no memory for a conversation");
    c->learn[(*io_end)++] = 1;
    return MN_OK;
}

/* The tokens of `text` with the answers marked, cut after the last one that fits. */
static mn_rc add_example(const talk *t, mn_str text, const mn_span *spans, size_t n_spans,
                         const mn_chat__answer *answers, size_t n, size_t most, mn_examples *io,
                         bool *ret_cut, mn_err *e)
{
    mn_chat_coder *c = t->c;
    size_t fits = 0, at = 0, done = 0;
    MN_TRY(encode(c, text, spans, n_spans, e));
    mn_rc rc = mn_chat__map(c, text, e);
    if (rc != MN_OK) return *t->skip = MN_SKIP_NOT_MAPPED, rc;
    for (; done < n; done++) {
        size_t end = mark(c, answers[done], at);
        bool open = end > at && !mn_chat__is_end(c, c->ids.ptr[end - 1]);
        if (open && done + 1 == n) MN_TRY(close_answer(c, &end, e));
        if (end > most) break;
        if (end > at) fits = end;
        at = end;
    }
    if (!fits && done < n)
        return MN_CHAT__SKIP(t->skip, MN_SKIP_TOO_LONG, e,
                             "not even the first answer fits in %zu tokens", most);
    if (!fits) return MN_CHAT__SKIP(t->skip, MN_SKIP_NO_ANSWER, e, "its answers are empty");
    *ret_cut = done < n;
    return mn_examples_add(io, c->ids.ptr, c->learn, fits, e);
}

/* ---- conversations ------------------------------------------------------------------------------------------------------ */

/* Each answer as an example of its own, with what the template shows before it then. */
static mn_rc add_apart(const talk *t, const size_t *turns, size_t n, size_t most,
                       mn_examples *io, bool *ret_cut, mn_err *e)
{
    mn_rc rc = MN_OK;
    size_t added = 0, from;
    for (size_t i = 0; i < n; i++) {
        mn_span *spans = NULL;
        size_t n_spans = 0;
        bool cut = false;
        rc = find_answer(t, turns[i], &from, e);
        if (rc == MN_OK) rc = render(t, turns[i] + 1, false, &t->c->part, &spans, &n_spans, e);
        mn_chat__answer one = {from, t->c->part.len};
        if (rc == MN_OK)
            rc = add_example(t, mn_buf_str(&t->c->part), spans, n_spans, &one, 1, most, io,
                             &cut, e);
        if (rc == MN_OK) added++;
        else if (rc != MN_E_PARSE) return rc;
    }
    if (!added) return rc;
    *ret_cut = added < n;
    return MN_OK;
}

/* Which turns are answers that can be learnt: an assistant's that something was said before. */
static size_t list_answers(const mn_json *messages, size_t *ret)
{
    size_t n = 0;
    for (size_t i = 1; i < messages->n; i++)
        if (is_assistant(mn_json_at(messages, i))) ret[n++] = i;
    return n;
}

mn_rc mn_chat__turns(mn_chat_coder *c, const mn_json *messages, const mn_json *tools,
                     size_t most, mn_examples *io, bool *ret_cut, mn_chat_skip *ret_skip,
                     mn_err *e)
{
    const talk t = {c, messages, tools, ret_skip};
    size_t *turns = mn_arena_calloc(&c->arena, messages->n + 1, sizeof *turns);
    mn_chat__answer *answers = mn_arena_calloc(&c->arena, messages->n + 1, sizeof *answers);
    if (!turns || !answers) return mn_fail(e, MN_E_NOMEM, "no memory for a conversation");
    const size_t n = list_answers(messages, turns);
    if (!n)
        return MN_CHAT__SKIP(ret_skip, MN_SKIP_NO_ANSWER, e,
                             "no turn of an assistant's that answers something");
    mn_span *spans = NULL;
    size_t n_spans = 0;
    bool one = !c->lines;
    MN_TRY(render(&t, turns[n - 1] + 1, false, &c->whole, &spans, &n_spans, e));
    for (size_t i = 0; i < n && one; i++) {
        MN_TRY(find_answer(&t, turns[i], &answers[i].from, e));
        answers[i].to = c->part.len;
        one = begins(&c->whole, &c->part);
    }
    if (!one) return add_apart(&t, turns, n, most, io, ret_cut, e);
    return add_example(&t, mn_buf_str(&c->whole), spans, n_spans, answers, n, most, io, ret_cut,
                       e);
}

/* ---- models of ours: a thread of posts ------------------------------------------------------------------------------------ */

/* Every turn a post, as mn_chat_ids makes them: a language is said again where it changes, but not before an answer, which begins
 * where the prompt ends. answers[i] are the tokens of the i-th answer and what ends it. */
static mn_rc encode_thread(mn_chat_coder *c, const mn_json *messages, mn_chat__answer *answers,
                           size_t *ret_n)
{
    size_t n = 0;
    uint32_t lang = MN_TOK_LANG0;
    mn_ids_clear(&c->ids);
    for (size_t i = 0; i < messages->n; i++) {
        const mn_json *turn = mn_json_at(messages, i);
        mn_str text = mn_json_str(mn_json_get(turn, "content"));
        const uint32_t own = mn_tok_lang(mn_str_from(mn_langid(text).code));
        const bool answer = i && is_assistant(turn), said = own != MN_TOK_LANG0 && own != lang;
        if (!i) MN_TRY(mn_chat__conditions(c, text));
        else if (said && !answer) MN_TRY(mn_ids_add(&c->ids, own));
        if (!i || own != MN_TOK_LANG0) lang = own;
        const size_t from = c->ids.n;
        MN_TRY(mn_tok_encode(c->tok, NULL, text, &c->ids));
        MN_TRY(mn_ids_add(&c->ids, i + 1 == messages->n ? MN_TOK_END : MN_TOK_REPLY));
        if (answer) answers[n++] = (mn_chat__answer){from, c->ids.n};
    }
    *ret_n = n;
    return MN_OK;
}

mn_rc mn_chat__thread(mn_chat_coder *c, const mn_json *messages, size_t most, mn_examples *io,
                      bool *ret_cut, mn_chat_skip *ret_skip, mn_err *e)
{
    mn_chat__answer *answers = mn_arena_calloc(&c->arena, messages->n + 1, sizeof *answers);
    size_t n, fits = 0;
    if (!answers || encode_thread(c, messages, answers, &n) != MN_OK)
        return mn_fail(e, MN_E_NOMEM, "no memory for a conversation");
    while (fits < n && answers[fits].to <= most) fits++;
    if (!n)
        return MN_CHAT__SKIP(ret_skip, MN_SKIP_NO_ANSWER, e,
                             "no turn of an assistant's that answers something");
    if (!fits)
        return MN_CHAT__SKIP(ret_skip, MN_SKIP_TOO_LONG, e,
                             "not even the first answer fits in %zu tokens", most);
    MN_TRY(mn_chat__marks(c, e));
    for (size_t i = 0; i < fits; i++)
        memset(c->learn + answers[i].from, 1, answers[i].to - answers[i].from);
    *ret_cut = fits < n;
    return mn_examples_add(io, c->ids.ptr, c->learn, answers[fits - 1].to, e);
}
