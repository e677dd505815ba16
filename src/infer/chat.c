/* Messages to tokens: see chat.h.
 *
 * The template gets the messages nearly as they came: parts of content are joined, the arguments of earlier tool calls are objects (as
 * `transformers` has it; where a template joins them to text it gets them as text instead), and whoever wrote his
 * thoughts under another name finds them under all. Compiling the template each time costs less than encoding one message. */
#include "infer/chat.h"

#include <string.h>

#include "text/langid.h"

/* ---- JSON made here ---------------------------------------------------------------------------------------------- */

static mn_json *json_new(mn_arena *a, mn_json_type type, size_t room)
{
    mn_json *j = mn_arena_calloc(a, 1, sizeof *j);
    if (!j) return NULL;
    j->type = type;
    if (room && !(j->items = mn_arena_calloc(a, room, sizeof *j->items))) return NULL;
    if (room && type == MN_JSON_OBJECT &&
        !(j->keys = mn_arena_calloc(a, room, sizeof *j->keys)))
        return NULL;
    return j;
}

static mn_json *json_text(mn_arena *a, mn_str s)
{
    mn_json *j = json_new(a, MN_JSON_STRING, 0);
    if (j) j->text = s.ptr ? s : MN_STR("");
    return j;
}

static void set(mn_json *o, const char *key, mn_json *v)
{
    o->keys[o->n] = mn_str_from(key);
    o->items[o->n++] = v;
}

/* The object with another value (or one more key): `o` has room for it. */
static void replace(mn_json *o, const char *key, mn_json *v)
{
    for (size_t i = 0; i < o->n; i++)
        if (mn_str_eqz(o->keys[i], key)) {
            o->items[i] = v;
            return;
        }
    set(o, key, v);
}

static mn_json *copy_object(mn_arena *a, const mn_json *o, size_t more)
{
    mn_json *j = json_new(a, MN_JSON_OBJECT, o->n + more);
    if (!j) return NULL;
    for (size_t i = 0; i < o->n; i++) {
        j->keys[i] = o->keys[i];
        j->items[i] = o->items[i];
    }
    j->n = o->n;
    return j;
}

static mn_rc no_memory(mn_err *e)
{
    return mn_fail(e, MN_E_NOMEM, "out of memory for a conversation");
}

/* ---- messages as templates want them ------------------------------------------------------------------------------ */

typedef struct form {
    mn_arena *a;
    bool
        plain; /* arguments as text and no content without text: what older templates can take */
    mn_err *e;
} form;

static mn_rc join_parts(const form *f, const mn_json *parts, size_t at, mn_json **ret)
{
    mn_buf b;
    mn_rc rc = MN_OK;
    mn_buf_init(&b, 0);
    for (size_t i = 0; i < parts->n && rc == MN_OK; i++) {
        mn_str type = mn_json_str(mn_json_get(parts->items[i], "type")),
               text = mn_json_str(mn_json_get(parts->items[i], "text"));
        if (mn_str_eqz(type, "text") && text.ptr) mn_buf_adds(&b, text);
        else
            rc = mn_fail(f->e, MN_E_USAGE,
                         "message %zu has content of type '%.*s'; this model reads text only",
                         at + 1, MN_STR_FMT(mn_utf8_cut(type, 40)));
    }
    mn_str all = mn_str_dup(f->a, mn_buf_str(&b));
    if (rc == MN_OK && (b.failed || !all.ptr || !(*ret = json_text(f->a, all))))
        rc = no_memory(f->e);
    mn_buf_release(&b);
    return rc;
}

/* One call: {"function":{"name","arguments"}} with the arguments as an object; those that are none stay as they are. */
static mn_rc call_form(const form *f, const mn_json *call, mn_json **ret)
{
    const mn_json *function = mn_json_get(call, "function");
    mn_str text = mn_json_str(mn_json_get(function, "arguments"));
    mn_json *arguments, *fn, *out;
    if (f->plain || !text.ptr || mn_json_parse(text, f->a, &arguments, NULL) != MN_OK ||
        arguments->type != MN_JSON_OBJECT)
        return MN_OK;
    if (!(fn = copy_object(f->a, function, 0)) || !(out = copy_object(f->a, call, 0)))
        return no_memory(f->e);
    replace(fn, "arguments", arguments);
    replace(out, "function", fn);
    *ret = out;
    return MN_OK;
}

static mn_rc calls_form(const form *f, const mn_json *calls, mn_json **ret)
{
    mn_json *out = json_new(f->a, MN_JSON_ARRAY, calls->n);
    if (!out) return no_memory(f->e);
    for (size_t i = 0; i < calls->n; i++) {
        out->items[i] = calls->items[i];
        MN_TRY(call_form(f, calls->items[i], &out->items[i]));
    }
    out->n = calls->n;
    *ret = out;
    return MN_OK;
}

/* What somebody thought, whatever he called it. */
static const mn_json *thoughts(const mn_json *m)
{
    static const char *const names[] = {"reasoning_content", "thinking", "reasoning"};
    for (size_t i = 0; i < 3; i++) {
        const mn_json *v = mn_json_get(m, names[i]);
        if (v && v->type != MN_JSON_NULL) return v;
    }
    return NULL;
}

static mn_rc message_form(const form *f, const mn_json *m, size_t at, mn_json **ret)
{
    mn_json *out = copy_object(f->a, m, 3), *v = NULL, *thought = NULL;
    const mn_json *content = mn_json_get(m, "content"), *calls = mn_json_get(m, "tool_calls"),
                  *why = thoughts(m);
    if (!out) return no_memory(f->e);
    if (content && content->type == MN_JSON_ARRAY) {
        MN_TRY(join_parts(f, content, at, &v));
        replace(out, "content", v);
    } else if (f->plain && (!content || content->type == MN_JSON_NULL)) {
        if (!(v = json_text(f->a, MN_STR("")))) return no_memory(f->e);
        replace(out, "content", v);
    }
    if (calls && calls->type == MN_JSON_ARRAY) {
        MN_TRY(calls_form(f, calls, &v));
        replace(out, "tool_calls", v);
    }
    if (why) {
        if (!(thought = json_new(f->a, why->type, 0))) return no_memory(f->e);
        *thought = *why;
        replace(out, "reasoning_content", thought);
        if (!mn_json_get(m, "thinking")) set(out, "thinking", thought);
    }
    *ret = out;
    return MN_OK;
}

static mn_rc check(const mn_chat_prompt *p, mn_err *e)
{
    if (!p->messages || p->messages->type != MN_JSON_ARRAY)
        return mn_fail(e, MN_E_USAGE, "'messages' should be an array of messages");
    if (!p->messages->n) return mn_fail(e, MN_E_USAGE, "there is no message to answer");
    for (size_t i = 0; i < p->messages->n; i++) {
        const mn_json *m = p->messages->items[i];
        if (!mn_json_str(mn_json_get(m, "role")).len)
            return mn_fail(e, MN_E_USAGE, "message %zu has no role", i + 1);
    }
    return MN_OK;
}

static mn_rc messages_form(const form *f, const mn_chat_prompt *p, mn_json **ret)
{
    mn_json *out = json_new(f->a, MN_JSON_ARRAY, p->messages->n);
    if (!out) return no_memory(f->e);
    for (size_t i = 0; i < p->messages->n; i++)
        MN_TRY(message_form(f, p->messages->items[i], i, &out->items[i]));
    out->n = p->messages->n;
    *ret = out;
    return MN_OK;
}

/* ---- through the template ----------------------------------------------------------------------------------------- */

typedef struct work {
    const mn_tokenizer *tok;
    const mn_chat_prompt *p;
    mn_jinja *template;
    mn_arena *a;
    mn_buf *text;
    mn_span *spans;
    size_t n_spans;
} work;

/* The names of control tokens, which templates write out. */
static mn_json *tokens(const work *w)
{
    mn_json *o = json_new(w->a, MN_JSON_OBJECT, 2);
    const char *const names[] = {"bos_token", "eos_token"};
    const uint32_t ids[] = {mn_tok_bos(w->tok), mn_tok_eos(w->tok)};
    for (size_t i = 0; o && i < 2; i++) {
        if (ids[i] == UINT32_MAX) continue;
        mn_json *text = json_text(w->a, mn_tok_bytes(w->tok, ids[i]));
        if (!text) return NULL;
        set(o, names[i], text);
    }
    return o;
}

static mn_rc variables(const work *w, bool plain, mn_json **ret, mn_err *e)
{
    const form f = {.a = w->a, .plain = plain, .e = e};
    const mn_json *more = w->p->more;
    mn_json *o = more && more->type == MN_JSON_OBJECT ? copy_object(w->a, more, 4)
                                                      : json_new(w->a, MN_JSON_OBJECT, 4);
    mn_json *messages = NULL;
    mn_json *none = json_new(w->a, MN_JSON_NULL, 0), *answer = json_new(w->a, MN_JSON_BOOL, 0);
    mn_json *tools = json_new(w->a, MN_JSON_NULL, 0);
    if (!o || !none || !answer || !tools) return no_memory(e);
    MN_TRY(messages_form(&f, w->p, &messages));
    answer->boolean = w->p->answer;
    if (w->p->tools && w->p->tools->type == MN_JSON_ARRAY && w->p->tools->n)
        *tools = *w->p->tools;
    replace(o, "messages", messages);
    replace(o, "tools", tools);
    replace(o, "documents", none);
    replace(o, "add_generation_prompt", answer);
    *ret = o;
    return MN_OK;
}

static mn_rc render(work *w, bool plain, mn_err *e)
{
    /* Some templates make control tokens of roles: "<|" + role + "|>". */
    static const mn_str roles[] = {{"system", 6},    {"user", 4},      {"assistant", 9},
                                   {"tool", 4},      {"developer", 9}, {"function", 8},
                                   {"documents", 9}, {"ipython", 7}};
    mn_json *vars = NULL, *trusted = tokens(w);
    MN_TRY(variables(w, plain, &vars, e));
    if (!trusted) return no_memory(e);
    const mn_jinja_opts o = {.now_ms = w->p->now_ms,
                             .trusted = trusted,
                             .words = roles,
                             .n_words = sizeof roles / sizeof *roles};
    mn_buf_clear(w->text);
    return mn_jinja_render(w->template, vars, &o, w->a, w->text, &w->spans, &w->n_spans, e);
}

/* Both forms; what the messages get wrong is told in the words of the first. */
static mn_rc render_any(work *w, mn_err *e)
{
    mn_err second = {0};
    mn_rc rc = render(w, false, e);
    if (rc == MN_E_PARSE) {
        rc = render(w, true, &second);
        if (rc == MN_E_PARSE)
            return mn_fail(e, MN_E_USAGE,
                           "the messages do not suit the model's chat template: %s", e->msg);
        if (rc != MN_OK) *e = second;
    }
    if (rc == MN_E_UNSUPPORTED) mn_err_wrap(e, "the model's chat template");
    return rc;
}

static mn_rc encode_spans(const work *w, mn_ids *ret, mn_err *e)
{
    mn_tok_plain *plain = mn_arena_alloc(w->a, (w->n_spans + 1) * sizeof *plain);
    if (!plain) return no_memory(e);
    for (size_t i = 0; i < w->n_spans; i++)
        plain[i] = (mn_tok_plain){w->spans[i].from, w->spans[i].to};
    mn_rc rc = mn_tok_encode_prompt(w->tok, mn_buf_str(w->text), plain, w->n_spans, ret);
    return rc == MN_OK ? rc : mn_fail(e, rc, "the conversation could not be made tokens");
}

static mn_rc by_template(work *w, mn_str source, mn_ids *ret, mn_err *e)
{
    mn_err unseen = {0};
    if (!e) e = &unseen;
    mn_rc rc = mn_jinja_compile(source, &w->template, e);
    if (rc != MN_OK) return mn_err_wrap(e, "the model's chat template");
    rc = render_any(w, e);
    if (rc == MN_OK) rc = encode_spans(w, ret, e);
    mn_jinja_free(w->template);
    return rc;
}

/* ---- without a template ---------------------------------------------------------------------------------------------- */

static mn_rc content_of(const work *w, size_t i, mn_str *ret, mn_err *e)
{
    const form f = {.a = w->a, .e = e};
    const mn_json *c = mn_json_get(w->p->messages->items[i], "content");
    mn_json *joined = NULL;
    *ret = mn_json_str(c);
    if (!c || c->type != MN_JSON_ARRAY) return MN_OK;
    MN_TRY(join_parts(&f, c, i, &joined));
    *ret = joined->text;
    return MN_OK;
}

/* START TIME LANG text REPLY text …: a language is said again only where it changes. */
static mn_rc as_thread(const work *w, mn_ids *ret, mn_err *e)
{
    mn_rc rc = MN_OK;
    uint32_t lang = MN_TOK_LANG0;
    bool begun = false;
    for (size_t i = 0; i < w->p->messages->n && rc == MN_OK; i++) {
        mn_str text;
        MN_TRY(content_of(w, i, &text, e));
        if (!text.len) continue;
        uint32_t own = mn_tok_lang(mn_str_from(mn_langid(text).code));
        if (!begun) {
            rc = mn_prompt_post(w->tok, w->p->now_ms, mn_str_from(mn_langid(text).code), text,
                                ret);
        } else {
            rc = mn_ids_add(ret, MN_TOK_REPLY);
            if (rc == MN_OK && own != MN_TOK_LANG0 && own != lang) rc = mn_ids_add(ret, own);
            if (rc == MN_OK) rc = mn_tok_encode(w->tok, NULL, text, ret);
        }
        if (!begun || own != MN_TOK_LANG0) lang = own;
        begun = true;
        mn_buf_adds(w->text, text);
        mn_buf_addc(w->text, '\n');
    }
    if (rc == MN_OK && !begun)
        rc = mn_prompt_post(w->tok, w->p->now_ms, MN_STR("und"), MN_STR(""), ret);
    else if (rc == MN_OK && w->p->answer) rc = mn_ids_add(ret, MN_TOK_REPLY);
    return rc == MN_OK ? rc : mn_fail(e, rc, "the conversation could not be made tokens");
}

static mn_rc as_lines(const work *w, mn_ids *ret, mn_err *e)
{
    uint32_t begin = mn_tok_begin(w->tok);
    mn_rc rc = begin == UINT32_MAX ? MN_OK : mn_ids_add(ret, begin);
    for (size_t i = 0; i < w->p->messages->n; i++) {
        mn_str text, role = mn_json_str(mn_json_get(w->p->messages->items[i], "role"));
        MN_TRY(content_of(w, i, &text, e));
        mn_buf_adds(w->text, role);
        mn_buf_addz(w->text, ": ");
        mn_buf_adds(w->text, text);
        mn_buf_addc(w->text, '\n');
    }
    if (w->p->answer) mn_buf_addz(w->text, "assistant:");
    if (rc == MN_OK) rc = w->text->failed;
    if (rc == MN_OK) rc = mn_tok_encode(w->tok, NULL, mn_buf_str(w->text), ret);
    return rc == MN_OK ? rc : mn_fail(e, rc, "the conversation could not be made tokens");
}

mn_rc mn_chat_ids(const mn_engine *g, const mn_chat_prompt *p, mn_ids *ret, mn_buf *ret_text,
                  mn_err *e)
{
    mn_arena a;
    mn_buf text;
    const size_t had = ret->n;
    mn_str template = mn_engine_chat_template(g);
    MN_TRY(check(p, e));
    mn_arena_init(&a, 0);
    mn_buf_init(&text, 0);
    work w = {.tok = mn_engine_tokenizer(g), .p = p, .a = &a, .text = &text};
    mn_rc rc;
    if (template.len) rc = by_template(&w, template, ret, e);
    else if (mn_tok_is_ours(w.tok)) rc = as_thread(&w, ret, e);
    else rc = as_lines(&w, ret, e);
    if (rc == MN_OK && ret_text && mn_buf_adds(ret_text, mn_buf_str(&text)) != MN_OK)
        rc = mn_fail(e, ret_text->failed, "no room for the conversation's text");
    if (rc != MN_OK) ret->n = had;
    mn_buf_release(&text);
    mn_arena_release(&a);
    return rc;
}
