/* See chat_talk.h. Each answer asks for the tokens of the whole conversation and compares them with what the cache holds: what is
 * alike at the front stays, so a long conversation costs only its last message. */
#include "cmd/chat_talk.h"

#include <string.h>

#include "base/clock.h"

#define PIECE      256u /* tokens of the prompt between looks at *stop */
#define ROOM_LEAST 64u  /* tokens to answer with */

static mn_rc no_memory(mn_err *e)
{
    return mn_fail(e, MN_E_NOMEM, "out of memory for the conversation");
}

/* ---- messages ---------------------------------------------------------------------------------------------------- */

mn_rc mn_talk_open(mn_engine *g, mn_talk *io, mn_err *e)
{
    MN_TRY(mn_seq_new(g, &io->seq, e));
    io->g = g;
    return MN_OK;
}

mn_rc mn_talk_engine(mn_talk *t, mn_engine *g, mn_err *e)
{
    mn_seq *s;
    MN_TRY(mn_seq_new(g, &s, e));
    mn_seq_free(t->seq);
    mn_engine_free(t->g);
    t->seq = s;
    t->g = g;
    t->told = false;
    mn_ids_clear(&t->fed);
    return MN_OK;
}

void mn_talk_reset(mn_talk *t)
{
    while (t->n) mn_talk_drop_last(t);
    t->told = false;
}

void mn_talk_release(mn_talk *t)
{
    mn_talk_reset(t);
    mn_free(t->messages);
    mn_free(t->system);
    mn_ids_release(&t->fed);
    mn_seq_free(t->seq);
    mn_engine_free(t->g);
    *t = (mn_talk){0};
}

/* A copy with U+FFFD for each byte that is no UTF-8; NULL: no memory. */
static char *repaired(mn_str s)
{
    mn_buf b;
    mn_buf_init(&b, 0);
    for (size_t at = 0; at < s.len;) {
        uint32_t cp;
        size_t n = s.ptr[at] ? mn_utf8_decode(s.ptr + at, s.len - at, &cp) : 0;
        if (n) mn_buf_add(&b, s.ptr + at, n);
        else mn_buf_addz(&b, "\xef\xbf\xbd");
        at += n ? n : 1;
    }
    char *copy = b.failed ? NULL : mn_strndup(mn_buf_str(&b).ptr, b.len);
    mn_buf_release(&b);
    return copy;
}

mn_rc mn_talk_add(mn_talk *t, bool assistant, mn_str text, mn_err *e)
{
    if (t->n == t->cap) {
        size_t cap = t->cap ? t->cap * 2 : 16;
        mn_talk_message *more = mn_reallocarray(t->messages, cap, sizeof *more);
        if (!more) return no_memory(e);
        t->messages = more;
        t->cap = cap;
    }
    char *copy = repaired(text);
    if (!copy) return no_memory(e);
    t->messages[t->n++] = (mn_talk_message){assistant, copy};
    return MN_OK;
}

void mn_talk_drop_last(mn_talk *t)
{
    if (t->n) mn_free(t->messages[--t->n].text);
}

mn_rc mn_talk_system(mn_talk *t, mn_str text, mn_err *e)
{
    char *copy = text.ptr ? repaired(text) : NULL;
    if (text.ptr && !copy) return no_memory(e);
    mn_free(t->system);
    t->system = copy;
    return MN_OK;
}

static void put_message(mn_json_writer *w, const char *role, const char *text)
{
    mn_jw_object(w);
    mn_jw_kstrz(w, "role", role);
    mn_jw_kstrz(w, "content", text);
    mn_jw_object_end(w);
}

static void put_messages(const mn_talk *t, mn_json_writer *w)
{
    mn_jw_array(w);
    if (t->system) put_message(w, "system", t->system);
    for (size_t i = 0; i < t->n; i++)
        put_message(w, t->messages[i].assistant ? "assistant" : "user", t->messages[i].text);
    mn_jw_array_end(w);
}

void mn_talk_json(const mn_talk *t, mn_json_writer *w)
{
    mn_jw_object(w);
    mn_jw_key(w, "messages");
    put_messages(t, w);
    mn_jw_object_end(w);
}

/* ---- the prompt -------------------------------------------------------------------------------------------------- */

static mn_rc prompt(const mn_talk *t, mn_ids *ret, mn_err *e)
{
    mn_arena a;
    mn_buf b;
    mn_json_writer w;
    mn_json *messages = NULL;
    mn_arena_init(&a, 0);
    mn_buf_init(&b, 0);
    mn_json_writer_init(&w, &b, 0);
    put_messages(t, &w);
    mn_ids_clear(ret);
    mn_rc rc = b.failed ? no_memory(e) : mn_json_parse(mn_buf_str(&b), &a, &messages, e);
    const mn_chat_prompt p = {.messages = messages, .answer = true, .now_ms = mn_now_ms()};
    if (rc == MN_OK) rc = mn_chat_ids(t->g, &p, ret, NULL, e);
    mn_buf_release(&b);
    mn_arena_release(&a);
    return rc;
}

/* How much of the context the answer should find free: what it may take, at most a quarter. */
static uint32_t room_wanted(const mn_talk *t)
{
    uint32_t quarter = mn_engine_context(t->g) / 4;
    uint32_t want = t->max_tokens && t->max_tokens < quarter ? t->max_tokens : quarter;
    return want < ROOM_LEAST && t->max_tokens != want ? ROOM_LEAST : want;
}

/* Where the turn after the first one begins: with the person's next message. n: there is none. */
static size_t second_turn(const mn_talk *t)
{
    size_t i = 1;
    while (i < t->n && t->messages[i].assistant) i++;
    return i;
}

static void forget(mn_talk *t, size_t n)
{
    for (size_t i = 0; i < n; i++) mn_free(t->messages[i].text);
    memmove(t->messages, t->messages + n, (t->n - n) * sizeof *t->messages);
    t->n -= n;
}

/* The prompt, with the oldest turns dropped until it fits. */
static mn_rc fitting_prompt(mn_talk *t, mn_ids *ret, size_t *ret_forgotten, mn_err *e)
{
    const uint32_t context = mn_engine_context(t->g), room = room_wanted(t);
    *ret_forgotten = 0;
    for (;;) {
        MN_TRY(prompt(t, ret, e));
        if (ret->n + room <= context) return MN_OK;
        size_t n = second_turn(t);
        if (n >= t->n)
            return mn_fail(
                e, MN_E_LIMIT,
                "the message is too long: it comes to %zu tokens, and this model's context "
                "is %u with the answer",
                ret->n, context);
        forget(t, n);
        *ret_forgotten += n;
    }
}

static size_t common(const mn_ids *a, const mn_ids *b)
{
    size_t n = 0;
    while (n < a->n && n < b->n && a->ptr[n] == b->ptr[n]) n++;
    return n;
}

static mn_rc feed(mn_talk *t, const uint32_t *ids, size_t n, const float **ret_logits,
                  mn_err *e)
{
    MN_TRY(mn_seq_feed(t->seq, ids, n, ret_logits, e));
    for (size_t i = 0; i < n; i++)
        if (mn_ids_add(&t->fed, ids[i]) != MN_OK) return no_memory(e);
    return MN_OK;
}

static void cut(mn_talk *t, size_t n)
{
    mn_seq_cut(t->seq, (uint32_t)n);
    t->fed.n = n;
}

/* Runs what the cache lacks of the prompt; *ret_logits stays NULL when *stop came first. */
static mn_rc run_prompt(mn_talk *t, const mn_ids *ids, const volatile int *stop,
                        mn_talk_answer *r, const float **ret_logits, mn_err *e)
{
    const float *logits = NULL;
    size_t at = common(&t->fed, ids);
    if (at == ids->n) at--; /* the last one's logits are wanted */
    cut(t, at);
    r->prompt_tokens = (uint32_t)ids->n;
    r->cached_tokens = (uint32_t)at;
    while (at < ids->n && !*stop) {
        size_t n = ids->n - at < PIECE ? ids->n - at : PIECE;
        MN_TRY(feed(t, ids->ptr + at, n, &logits, e));
        at += n;
    }
    *ret_logits = at == ids->n ? logits : NULL;
    return MN_OK;
}

/* ---- the answer -------------------------------------------------------------------------------------------------- */

typedef struct answering {
    mn_talk *t;
    mn_sampler *sampler;
    const volatile int *stop;
    void (*on_text)(void *arg, mn_str text);
    void *arg;
    mn_buf raw, text; /* bytes that are not whole yet; all that was given out */
    uint32_t banned[MN_TOK_SPECIALS];
    size_t n_banned;
    bool one_line; /* no template: the answer is a line */
    mn_talk_answer *r;
} answering;

static bool ends(const answering *a, uint32_t id)
{
    const mn_tokenizer *tok = mn_engine_tokenizer(a->t->g);
    if (mn_engine_is_end(a->t->g, id)) return true;
    return mn_tok_is_ours(tok) && (id == MN_TOK_REPLY || id == MN_TOK_QUOTE);
}

static void give(answering *a, mn_str s)
{
    if (!a->text.len) /* templates put their own blanks before an answer */
        while (s.len && strchr(" \n", *s.ptr)) s = mn_str_sub(s, 1, s.len);
    if (!s.len) return;
    mn_buf_adds(&a->text, s);
    a->on_text(a->arg, s);
}

/* Gives out what is whole of `raw`; at the end, everything. */
static void flush(answering *a, bool at_end)
{
    mn_buf *b = &a->raw;
    size_t at = 0;
    while (at < b->len) {
        uint32_t cp;
        unsigned char lead = (unsigned char)b->ptr[at];
        size_t n = lead ? mn_utf8_decode(b->ptr + at, b->len - at, &cp) : 0;
        size_t want = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc2 ? 2 : 1;
        if (!n && !at_end && b->len - at < want) break;
        give(a, n ? (mn_str){b->ptr + at, n} : MN_STR("\xef\xbf\xbd"));
        at += n ? n : 1;
    }
    memmove(b->ptr, b->ptr + at, b->len - at);
    b->len -= at;
}

/* A token's text. false: the answer is over with it. */
static bool say(answering *a, uint32_t id)
{
    const mn_tokenizer *tok = mn_engine_tokenizer(a->t->g);
    if (ends(a, id)) return false;
    if (mn_tok_is_special(tok, id)) return true;
    mn_str s = mn_tok_bytes(tok, id);
    const char *nl = a->one_line && s.len ? memchr(s.ptr, '\n', s.len) : NULL;
    if (nl && (a->text.len || nl > s.ptr)) {
        mn_buf_add(&a->raw, s.ptr, (size_t)(nl - s.ptr));
        return false;
    }
    mn_buf_adds(&a->raw, s);
    flush(a, false);
    return true;
}

static mn_rc generate(answering *a, const float *logits, mn_err *e)
{
    mn_talk *t = a->t;
    const uint32_t context = mn_engine_context(t->g);
    a->r->end = MN_TALK_STOPPED;
    while (logits && !*a->stop) {
        a->r->end = MN_TALK_LENGTH;
        if (t->max_tokens && a->r->tokens >= t->max_tokens) break;
        uint32_t id = mn_sampler_pick(a->sampler, logits, NULL, a->banned, a->n_banned);
        mn_sampler_took(a->sampler, id);
        a->r->tokens++;
        if (!say(a, id)) {
            a->r->end = MN_TALK_DONE;
            break;
        }
        if (mn_seq_len(t->seq) >= context) break;
        a->r->end = MN_TALK_STOPPED;
        MN_TRY(feed(t, &id, 1, &logits, e));
    }
    flush(a, true);
    return a->text.failed || a->raw.failed ? no_memory(e) : MN_OK;
}

static mn_rc answer(answering *a, const mn_ids *ids, int64_t began_us, mn_err *e)
{
    const float *logits = NULL;
    MN_TRY(run_prompt(a->t, ids, a->stop, a->r, &logits, e));
    mn_sampler_saw(a->sampler, ids->ptr, ids->n);
    a->r->first_s = (double)(mn_mono_us() - began_us) / 1e6;
    return generate(a, logits, e);
}

static mn_rc prepare(answering *a, mn_err *e)
{
    mn_talk *t = a->t;
    const mn_tokenizer *tok = mn_engine_tokenizer(t->g);
    mn_sampling p = t->sampling;
    p.seed += t->answers++;
    mn_buf_init(&a->raw, 1u << 20);
    mn_buf_init(&a->text, 64u << 20);
    a->one_line = !mn_engine_chat_template(t->g).len && !mn_tok_is_ours(tok);
    for (uint32_t i = 0; mn_tok_is_ours(tok) && i < MN_TOK_SPECIALS; i++)
        if (mn_tok_is_condition(i)) a->banned[a->n_banned++] = i;
    return mn_sampler_new(&p, mn_engine_vocab(t->g), &a->sampler, e);
}

mn_rc mn_talk_answer_last(mn_talk *t, const volatile int *stop,
                          void (*on_text)(void *arg, mn_str text), void *arg,
                          mn_talk_answer *ret, mn_err *e)
{
    mn_ids ids = {0};
    mn_talk_answer r = {0};
    answering a = {.t = t, .stop = stop, .on_text = on_text, .arg = arg, .r = &r};
    const int64_t began_us = mn_mono_us();
    mn_rc rc = prepare(&a, e);
    if (rc == MN_OK) rc = fitting_prompt(t, &ids, &r.forgotten, e);
    if (rc == MN_OK) rc = answer(&a, &ids, began_us, e);
    if (rc == MN_OK) rc = mn_talk_add(t, true, mn_buf_str(&a.text), e);
    r.seconds = (double)(mn_mono_us() - began_us) / 1e6;
    if (rc == MN_OK) *ret = r;
    else cut(t, t->fed.n < mn_seq_len(t->seq) ? t->fed.n : mn_seq_len(t->seq));
    mn_sampler_free(a.sampler);
    mn_buf_release(&a.raw);
    mn_buf_release(&a.text);
    mn_ids_release(&ids);
    return rc;
}
