/* Lines of JSON to examples. Contract and idea: chat_data.h; where the answers lie: chat_mask.c. */
#include "model/chat_data.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "model/chat_int.h"
#include "text/langid.h"

#define TOKENS_MAX (UINT64_C(1) << 40)

/* ---- examples ------------------------------------------------------------------------------------------------------- */

void mn_examples_release(mn_examples *x)
{
    mn_free(x->ids);
    mn_free(x->learn);
    mn_free(x->end);
    *x = (mn_examples){0};
}

static mn_rc grow(mn_examples *x, uint64_t n, mn_err *e)
{
    if (x->n_ids + n > x->cap_ids) {
        const uint64_t cap = (x->n_ids + n) * 3 / 2 + 4096;
        uint32_t *ids = mn_reallocarray(x->ids, cap, sizeof *ids);
        if (ids) x->ids = ids;
        uint8_t *learn = mn_realloc(x->learn, cap);
        if (learn) x->learn = learn;
        if (!ids || !learn) return mn_fail(e, MN_E_NOMEM, "no memory for the examples");
        x->cap_ids = cap;
    }
    if (x->n == x->cap) {
        uint64_t *end = mn_reallocarray(x->end, x->cap * 2 + 256, sizeof *end);
        if (!end) return mn_fail(e, MN_E_NOMEM, "no memory for the examples");
        x->end = end;
        x->cap = x->cap * 2 + 256;
    }
    return MN_OK;
}

mn_rc mn_examples_add(mn_examples *x, const uint32_t *ids, const uint8_t *learn, size_t n,
                      mn_err *e)
{
    if (n > TOKENS_MAX - x->n_ids) return mn_fail(e, MN_E_LIMIT, "more than 2^40 tokens");
    MN_TRY(grow(x, n, e));
    memcpy(x->ids + x->n_ids, ids, n * sizeof *ids);
    memcpy(x->learn + x->n_ids, learn, n);
    x->n_ids += n;
    x->end[x->n++] = x->n_ids;
    return MN_OK;
}

const char *mn_chat_skip_name(mn_chat_skip s)
{
    static const char *const names[MN_SKIPS] = {
        "not_json", "no_form", "bad_turn", "no_answer", "template", "too_long", "not_mapped"};
    return names[s];
}

/* ---- the coder -------------------------------------------------------------------------------------------------------- */

/* Jinja's string literal of a control token's name. */
static void put_literal(mn_buf *b, const char *name, mn_str text)
{
    mn_buf_addf(b, "{%% set %s = '", name);
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '\\' || text.ptr[i] == '\'') mn_buf_addc(b, '\\');
        mn_buf_addc(b, text.ptr[i]);
    }
    mn_buf_addz(b, "' %}");
}

/* The names of control tokens are set inside the template: as its own literals they count as control tokens in what it renders, while
 * the text of variables never does. The empty output keeps a line break that the template begins with. */
static mn_rc compile(mn_chat_coder *c, mn_str source, mn_err *e)
{
    mn_buf b;
    mn_buf_init(&b, 2u << 20);
    put_literal(&b, "bos_token", mn_tok_bytes(c->tok, mn_tok_bos(c->tok)));
    put_literal(&b, "eos_token", mn_tok_bytes(c->tok, mn_tok_eos(c->tok)));
    mn_buf_addz(&b, "{{ '' }}");
    mn_buf_adds(&b, source);
    mn_rc rc = b.failed ? mn_fail(e, b.failed, "the model's chat template is too large")
                        : mn_jinja_compile(mn_buf_str(&b), &c->jinja, e);
    if (rc != MN_OK && !b.failed) mn_err_wrap(e, "the model's chat template");
    mn_buf_release(&b);
    return rc;
}

/* What a model without template that is not ours is asked (mn_chat_ids): "role: text" lines. */
static mn_rc compile_lines(mn_chat_coder *c, mn_err *e)
{
    static const char lines[] =
        "{% for m in messages %}{{ m['role'] + ': ' + m['content'] + '\n' }}"
        "{% endfor %}{% if add_generation_prompt %}{{ 'assistant:' }}{% endif %}";
    static const char begun[] = "{{ bos_token }}";
    char source[sizeof lines + sizeof begun];
    const bool begin = mn_tok_begin(c->tok) < c->m->cfg.V;
    snprintf(source, sizeof source, "%s%s", begin ? begun : "", lines);
    c->lines = true;
    return compile(c, mn_str_from(source), e);
}

mn_rc mn_chat_coder_new(const mn_model *m, mn_chat_coder **ret, mn_err *e)
{
    mn_chat_coder *c = mn_calloc(1, sizeof *c);
    if (!c) return mn_fail(e, MN_E_NOMEM, "no memory for a chat template");
    c->m = m, c->tok = m->tok;
    c->ours = mn_tok_is_ours(m->tok);
    mn_arena_init(&c->arena, 0);
    mn_arena_init(&c->scratch, 0);
    mn_buf_init(&c->whole, 0);
    mn_buf_init(&c->part, 0);
    c->end = c->ours ? MN_TOK_END : mn_tok_eos(m->tok);
    if (c->end >= m->cfg.V && m->n_end_ids) c->end = m->end_ids[0];
    mn_rc rc = MN_OK;
    if (c->end >= m->cfg.V)
        rc = mn_fail(e, MN_E_UNSUPPORTED,
                     "the model names no token that ends a text: it would never learn to stop");
    if (rc == MN_OK && m->chat_template.len) rc = compile(c, m->chat_template, e);
    else if (rc == MN_OK && !c->ours) rc = compile_lines(c, e);
    if (rc == MN_OK) *ret = c;
    else mn_chat_coder_free(c);
    return rc;
}

void mn_chat_coder_free(mn_chat_coder *c)
{
    if (!c) return;
    mn_jinja_free(c->jinja);
    mn_arena_release(&c->arena);
    mn_arena_release(&c->scratch);
    mn_buf_release(&c->whole);
    mn_buf_release(&c->part);
    mn_ids_release(&c->ids);
    mn_free(c->learn);
    mn_free(c->start);
    mn_free(c);
}

/* ---- text, and prompt with completion ----------------------------------------------------------------------------------- */

mn_rc mn_chat__conditions(mn_chat_coder *c, mn_str text)
{
    mn_lang lang = mn_langid(text);
    MN_TRY(mn_ids_add(&c->ids, MN_TOK_START));
    MN_TRY(mn_ids_add(&c->ids, mn_tok_year(MN_CHAT_DAY_MS)));
    MN_TRY(mn_ids_add(&c->ids, mn_tok_month(MN_CHAT_DAY_MS)));
    return mn_ids_add(&c->ids, mn_tok_lang(mn_str_from(lang.code)));
}

/* What begins, text, what ends; *ret_from: the first token of the text. */
static mn_rc encode_text(mn_chat_coder *c, mn_str text, size_t *ret_from)
{
    const uint32_t begin = mn_tok_begin(c->tok);
    mn_ids_clear(&c->ids);
    if (c->ours) MN_TRY(mn_chat__conditions(c, text));
    else if (begin < c->m->cfg.V) MN_TRY(mn_ids_add(&c->ids, begin));
    *ret_from = c->ids.n;
    MN_TRY(mn_tok_encode(c->tok, NULL, text, &c->ids));
    return mn_ids_add(&c->ids, c->end);
}

mn_rc mn_chat_text(mn_chat_coder *c, mn_str text, mn_examples *io, mn_err *e)
{
    size_t from;
    if (encode_text(c, text, &from) != MN_OK)
        return mn_fail(e, MN_E_NOMEM, "no memory for a text");
    MN_TRY(mn_chat__marks(c, e));
    memset(c->learn + from, 1, c->ids.n - from);
    return mn_examples_add(io, c->ids.ptr, c->learn, c->ids.n, e);
}

/* Tokens [from, last) spell `text`: marks those that begin at byte `at` or later. */
static mn_rc mark_from(mn_chat_coder *c, mn_str text, size_t at, size_t from, mn_err *e)
{
    mn_ids all = c->ids;
    uint8_t *learn = c->learn;
    c->ids.ptr += from, c->ids.n -= from + 1; /* without what ends */
    mn_rc rc = mn_chat__map(c, text, e);
    for (size_t k = 0; rc == MN_OK && k < c->ids.n; k++) learn[from + k] = c->start[k] >= at;
    learn[all.n - 1] = 1;
    c->ids = all;
    return rc;
}

static mn_rc add_completion(mn_chat_coder *c, mn_str prompt, mn_str completion, size_t most,
                            mn_examples *io, mn_chat_skip *ret_skip, mn_err *e)
{
    size_t from;
    mn_buf_clear(&c->whole);
    mn_buf_adds(&c->whole, prompt);
    if (mn_buf_adds(&c->whole, completion) != MN_OK ||
        encode_text(c, mn_buf_str(&c->whole), &from) != MN_OK)
        return mn_fail(e, MN_E_NOMEM, "no memory for a completion");
    if (c->ids.n > most)
        return MN_CHAT__SKIP(ret_skip, MN_SKIP_TOO_LONG, e, "it has %zu tokens, %zu fit",
                             c->ids.n, most);
    MN_TRY(mn_chat__marks(c, e));
    mn_rc rc = mark_from(c, mn_buf_str(&c->whole), prompt.len, from, e);
    if (rc != MN_OK) return *ret_skip = MN_SKIP_NOT_MAPPED, rc;
    return mn_examples_add(io, c->ids.ptr, c->learn, c->ids.n, e);
}

/* ---- messages ------------------------------------------------------------------------------------------------------------- */

/* Content in parts, all of type text, becomes one string in place. */
static mn_rc join_parts(mn_chat_coder *c, mn_json *content)
{
    mn_buf_clear(&c->part);
    for (size_t i = 0; i < content->n; i++) {
        const mn_json *part = mn_json_at(content, i);
        mn_str text = mn_json_str(mn_json_get(part, "text"));
        if (!mn_str_eqz(mn_json_str(mn_json_get(part, "type")), "text") || !text.ptr)
            return MN_E_PARSE;
        mn_buf_adds(&c->part, text);
    }
    mn_str all = mn_str_dup(&c->arena, mn_buf_str(&c->part));
    if (!all.ptr) return MN_E_NOMEM;
    *content = (mn_json){.type = MN_JSON_STRING, .text = all};
    return MN_OK;
}

static mn_json *child(mn_json *o, const char *key)
{
    for (size_t i = 0; o && o->type == MN_JSON_OBJECT && i < o->n; i++)
        if (mn_str_eqz(o->keys[i], key)) return o->items[i];
    return NULL;
}

static mn_rc check_turn(mn_chat_coder *c, mn_json *turn, size_t i, mn_chat_skip *ret_skip,
                        mn_err *e)
{
    mn_json *content = child(turn, "content");
    mn_str role = mn_json_str(child(turn, "role"));
    const bool calls = mn_json_at(child(turn, "tool_calls"), 0);
    mn_rc rc = MN_OK;
    if (!role.len)
        return MN_CHAT__SKIP(ret_skip, MN_SKIP_BAD_TURN, e, "turn %zu has no role", i + 1);
    if (content && content->type == MN_JSON_ARRAY) rc = join_parts(c, content);
    if (rc == MN_E_NOMEM) return mn_fail(e, rc, "no memory for a conversation");
    if (rc != MN_OK)
        return MN_CHAT__SKIP(ret_skip, MN_SKIP_BAD_TURN, e,
                             "turn %zu has content that is no text", i + 1);
    mn_str text = mn_json_str(content);
    if (calls && (!content || content->type == MN_JSON_NULL || text.ptr)) return MN_OK;
    if (!text.ptr || (!text.len && mn_str_eqz(role, "assistant")))
        return MN_CHAT__SKIP(ret_skip, MN_SKIP_BAD_TURN, e, "turn %zu has no content", i + 1);
    return MN_OK;
}

static mn_rc add_messages(mn_chat_coder *c, mn_json *messages, const mn_json *tools,
                          size_t most, mn_examples *io, bool *ret_cut, mn_chat_skip *ret_skip,
                          mn_err *e)
{
    if (messages->type != MN_JSON_ARRAY || !messages->n)
        return MN_CHAT__SKIP(ret_skip, MN_SKIP_BAD_TURN, e, "messages is no list of turns");
    if (messages->n > MN_CHAT_TURNS_MAX)
        return MN_CHAT__SKIP(ret_skip, MN_SKIP_BAD_TURN, e,
                             "it has %zu turns, at most %u are read", messages->n,
                             MN_CHAT_TURNS_MAX);
    for (size_t i = 0; i < messages->n; i++)
        MN_TRY(check_turn(c, messages->items[i], i, ret_skip, e));
    if (c->jinja) return mn_chat__turns(c, messages, tools, most, io, ret_cut, ret_skip, e);
    if (c->ours) return mn_chat__thread(c, messages, most, io, ret_cut, ret_skip, e);
    return MN_CHAT__SKIP(
        ret_skip, MN_SKIP_TEMPLATE, e,
        "the model has no chat template: give lines with prompt and completion, "
        "or text");
}

/* ---- lines --------------------------------------------------------------------------------------------------------------- */

static mn_rc add_line(mn_chat_coder *c, mn_json *t, size_t most, mn_examples *io, bool *ret_cut,
                      mn_chat_skip *ret_skip, mn_err *e)
{
    mn_json *messages = child(t, "messages"), *tools = child(t, "tools");
    mn_str prompt = mn_json_str(child(t, "prompt"));
    mn_str completion = mn_json_str(child(t, "completion")),
           text = mn_json_str(child(t, "text"));
    const bool pair = prompt.ptr && completion.ptr;
    if ((messages != NULL) + pair + (text.ptr != NULL) != 1)
        return MN_CHAT__SKIP(ret_skip, MN_SKIP_NO_FORM, e,
                             "expected one of messages, prompt with completion, and text");
    if (messages) {
        if (tools && (tools->type != MN_JSON_ARRAY || !tools->n)) tools = NULL;
        return add_messages(c, messages, tools, most, io, ret_cut, ret_skip, e);
    }
    if (pair ? !completion.len : !text.len)
        return MN_CHAT__SKIP(ret_skip, MN_SKIP_NO_ANSWER, e, "nothing in it is to be learnt");
    if (pair) return add_completion(c, prompt, completion, most, io, ret_skip, e);
    return mn_chat_text(c, text, io, e);
}

mn_rc mn_chat_line(mn_chat_coder *c, mn_str line, size_t most, mn_examples *io, bool *ret_cut,
                   mn_chat_skip *ret_skip, mn_err *e)
{
    mn_json *t = NULL;
    *ret_cut = false;
    mn_arena_reset(&c->arena);
    if (line.len > MN_CHAT_LINE_MAX)
        return MN_CHAT__SKIP(ret_skip, MN_SKIP_NOT_JSON, e,
                             "it has %zu bytes, at most %u are read", line.len,
                             MN_CHAT_LINE_MAX);
    mn_rc rc = mn_json_parse(line, &c->arena, &t, e);
    if (rc == MN_E_NOMEM) return rc;
    if (rc == MN_OK && t->type == MN_JSON_OBJECT)
        return add_line(c, t, most, io, ret_cut, ret_skip, e);
    *ret_skip = MN_SKIP_NOT_JSON;
    return rc == MN_OK ? mn_fail(e, MN_E_PARSE, "it is no JSON object") : MN_E_PARSE;
}

/* ---- a file --------------------------------------------------------------------------------------------------------------- */

typedef struct reading {
    mn_examples all;
    uint64_t *hash; /* [all.n]: of the line that an example is from */
    uint64_t cap_hash;
    mn_chat_counts n;
    uint64_t number; /* of the line at hand */
} reading;

static mn_rc keep_hash(reading *r, uint64_t before, uint64_t hash, mn_err *e)
{
    if (r->cap_hash < r->all.n) {
        const uint64_t cap = r->all.n * 2 + 64;
        uint64_t *bigger = mn_reallocarray(r->hash, cap, sizeof *bigger);
        if (!bigger) return mn_fail(e, MN_E_NOMEM, "no memory for the examples");
        r->hash = bigger, r->cap_hash = cap;
    }
    for (uint64_t i = before; i < r->all.n; i++) r->hash[i] = hash;
    return MN_OK;
}

static mn_rc read_line(mn_chat_coder *c, reading *r, mn_str line, size_t most, mn_err *e)
{
    bool cut = false;
    mn_chat_skip why = MN_SKIP_NOT_JSON;
    mn_err mine = {0};
    const uint64_t before = r->all.n;
    r->n.lines++;
    mn_rc rc = mn_chat_line(c, line, most, &r->all, &cut, &why, &mine);
    if (rc == MN_OK) {
        r->n.kept++;
        r->n.cut += cut;
        return keep_hash(r, before, mn_hash64(line.ptr, line.len, 0), e);
    }
    if (rc != MN_E_PARSE) return mn_fail(e, rc, "%s", mine.msg);
    r->n.skipped[why]++;
    if (!r->n.first[0])
        snprintf(r->n.first, sizeof r->n.first, "line %llu: %.200s",
                 (unsigned long long)r->number, mine.msg);
    return MN_OK;
}

static int by_value(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* Examples whose hash is at most *ret are held out; false: none. */
static bool held_border(const uint64_t *sorted, uint64_t n, double share, uint64_t *ret)
{
    uint64_t k = share > 0 ? (uint64_t)(share * (double)n) : 0;
    if (share > 0 && !k && n >= 10) k = 1;
    if (k >= n || !k) return false;
    *ret = sorted[k - 1];
    return sorted[n - 1] > *ret; /* else all lines are the same */
}

static mn_rc split(const reading *r, double share, mn_examples *train, mn_examples *held,
                   mn_err *e)
{
    uint64_t border = 0, from = 0;
    uint64_t *sorted = mn_reallocarray(NULL, r->all.n, sizeof *sorted);
    if (!sorted) return mn_fail(e, MN_E_NOMEM, "no memory for the examples");
    memcpy(sorted, r->hash, r->all.n * sizeof *sorted);
    qsort(sorted, r->all.n, sizeof *sorted, by_value);
    const bool any = held_border(sorted, r->all.n, share, &border);
    mn_free(sorted);
    mn_rc rc = MN_OK;
    for (uint64_t i = 0; rc == MN_OK && i < r->all.n; i++) {
        mn_examples *to = any && r->hash[i] <= border ? held : train;
        rc = mn_examples_add(to, r->all.ids + from, r->all.learn + from,
                             (size_t)(r->all.end[i] - from), e);
        from = r->all.end[i];
    }
    return rc;
}

static mn_rc read_lines(mn_chat_coder *c, reading *r, mn_str rest, size_t most, mn_err *e)
{
    if (mn_str_starts(rest, "\xef\xbb\xbf")) rest = mn_str_sub(rest, 3, rest.len - 3);
    while (rest.ptr) {
        mn_str line = mn_str_trim(mn_str_split(rest, '\n', &rest));
        r->number++;
        if (line.len) MN_TRY(read_line(c, r, line, most, e));
    }
    if (!r->n.kept && !r->n.lines) return mn_fail(e, MN_E_LIMIT, "the data has no lines");
    if (!r->n.kept)
        return mn_fail(e, MN_E_LIMIT, "none of %llu lines can be learnt from; %s",
                       (unsigned long long)r->n.lines, r->n.first);
    for (uint64_t i = 0; i < r->all.n_ids; i++) r->n.learnt += r->all.learn[i];
    r->n.tokens = r->all.n_ids;
    return MN_OK;
}

mn_rc mn_chat_read(mn_chat_coder *c, mn_str jsonl, size_t most, double held_share,
                   mn_examples *ret_train, mn_examples *ret_held, mn_chat_counts *ret,
                   mn_err *e)
{
    reading r = {0};
    mn_examples train = {0}, held = {0};
    mn_rc rc = read_lines(c, &r, jsonl, most, e);
    if (rc == MN_OK) rc = split(&r, held_share, &train, &held, e);
    if (rc == MN_OK) {
        *ret_train = train, *ret_held = held, *ret = r.n;
    } else {
        mn_examples_release(&train);
        mn_examples_release(&held);
    }
    mn_examples_release(&r.all);
    mn_free(r.hash);
    return rc;
}
