/* The card's front matter: what the hub indexes, with results as its model-index has them; and how what is not trusted is written. */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "model/card_int.h"

/* ---- what is not trusted ---------------------------------------------------------------------------------------------------- */

/* Nothing to see, or something that changes how all else is seen; or what YAML does not allow. */
static bool is_hidden(uint32_t cp)
{
    return cp < 0x20 || (cp >= 0x7f && cp < 0xa0) || cp == 0xfeff || (cp & 0xfffe) == 0xfffe ||
           (cp >= 0x200e && cp <= 0x200f) || (cp >= 0x2028 && cp <= 0x202e) ||
           (cp >= 0x2066 && cp <= 0x2069);
}

/* The next character of s from *io on, hidden ones as blanks; its bytes, in ret. */
static size_t next(mn_str s, size_t *io, char ret[4])
{
    uint32_t cp;
    const size_t n = mn_utf8_decode(s.ptr + *io, s.len - *io, &cp);
    *io += n ? n : 1;
    return mn_utf8_encode(!n ? 0xfffd : is_hidden(cp) ? ' ' : cp, ret);
}

void mn_card__yaml(mn_buf *b, mn_str s)
{
    char c[4];
    mn_buf_addc(b, '"');
    for (size_t i = 0; i < s.len;) {
        const size_t n = next(s, &i, c);
        if (c[0] == '"' || c[0] == '\\') mn_buf_addc(b, '\\');
        mn_buf_add(b, c, n);
    }
    mn_buf_addc(b, '"');
}

/* Whatever may begin markup, a link or a name that somebody is told of. */
void mn_card__text(mn_buf *b, mn_str s)
{
    char c[4];
    for (size_t i = 0; i < s.len;) {
        const bool host = i >= 3 && mn_str_eq_nocase(mn_str_sub(s, i - 3, 3), MN_STR("www"));
        const size_t n = next(s, &i, c);
        if (strchr("\\`*_{}[]<>#|~&!:@$^=", c[0]) || (c[0] == '.' && host))
            mn_buf_addc(b, '\\');
        mn_buf_add(b, c, n);
    }
}

void mn_card__count(mn_buf *b, uint64_t n)
{
    if (n >= 1000) {
        mn_card__count(b, n / 1000);
        mn_buf_addf(b, ",%03u", (unsigned)(n % 1000));
    } else {
        mn_buf_addu(b, n);
    }
}

bool mn_card__number(const mn_json *o, const char *key, double low, double high, double *ret)
{
    const mn_json *v = mn_json_get(o, key);
    const double x = v && v->type == MN_JSON_NUMBER ? mn_json_f64(v, NAN) : (double)NAN;
    if (!(x >= low && x <= high)) return false;
    *ret = x;
    return true;
}

/* ---- results --------------------------------------------------------------------------------------------------------------- */

/* A result of one figure. type, config: ours, or MN_STR_NONE. */
typedef struct result {
    const char *task, *metric, *split;
    mn_str dataset, type, config;
    double value;
} result;

static void put_result(mn_buf *b, const result *r, bool *io_any, mn_str model)
{
    if (!*io_any) {
        mn_buf_addz(b, "model-index:\n- name: ");
        mn_card__yaml(b, model);
        mn_buf_addz(b, "\n  results:\n");
    }
    *io_any = true;
    mn_buf_addf(b, "  - task:\n      type: %s\n    dataset:\n      name: ", r->task);
    mn_card__yaml(b, r->dataset);
    mn_buf_addz(b, "\n      type: ");
    mn_card__yaml(b, r->type);
    if (r->config.len) mn_buf_addz(b, "\n      config: "), mn_card__yaml(b, r->config);
    if (r->split) mn_buf_addf(b, "\n      split: %s", r->split);
    mn_buf_addf(b, "\n    metrics:\n    - type: %s\n      value: %.6g\n", r->metric, r->value);
}

static const char *metric_of(const mn_json *task)
{
    const mn_str m = mn_json_str(mn_json_get(task, "measure"));
    return mn_str_eqz(m, "macro_recall") ? "recall" : "f1";
}

static void put_held_out(const mn_card *c, mn_buf *b, bool *io_any)
{
    const mn_json *h = mn_card_result(c, "held_out", NULL);
    const mn_str corpus = mn_json_str(mn_json_get(h ? h : c->training, "corpus"));
    result r = {"text-generation", "bits_per_byte", "validation", corpus, corpus, {0}, 0};
    if (!corpus.len) return;
    if (mn_card__number(h, "bits_per_byte", 0, 1000, &r.value) ||
        mn_card__number(c->training, "val_bits_per_byte", 0, 1000, &r.value))
        put_result(b, &r, io_any, c->name);
}

static void put_tweeteval(const mn_card *c, mn_buf *b, bool *io_any)
{
    const mn_json *t = mn_card_result(c, "tweeteval", NULL);
    if (!t || t->type != MN_JSON_OBJECT) return;
    for (size_t i = 0; i < t->n && i < 50; i++) {
        result r = {"text-classification",
                    metric_of(t->items[i]),
                    "validation",
                    MN_STR("TweetEval"),
                    MN_STR("tweet_eval"),
                    t->keys[i],
                    0};
        if (mn_card__number(t->items[i], "score", 0, 1, &r.value))
            put_result(b, &r, io_any, c->name);
    }
}

static void put_toxicity(const mn_card *c, mn_buf *b, bool *io_any)
{
    const mn_json *t = mn_card_result(c, "toxicity", NULL);
    result r = {.task = "text-generation",
                .metric = "toxicity",
                .dataset = MN_STR("free generation"),
                .type = MN_STR("generated")};
    if (mn_card__number(t, "rate", 0, 1, &r.value)) put_result(b, &r, io_any, c->name);
}

/* ---- all ------------------------------------------------------------------------------------------------------------------- */

static bool is_code(mn_str s)
{
    bool good = s.len == 2 || s.len == 3;
    for (size_t i = 0; good && i < s.len; i++) good = s.ptr[i] >= 'a' && s.ptr[i] <= 'z';
    return good && !mn_str_eqz(s, "und");
}

/* Those of a hundredth of the posts and more. */
static void put_languages(const mn_card *c, mn_buf *b)
{
    const mn_json *l = mn_json_get(c->manifest, "languages");
    double all = 0, n;
    bool any = false;
    if (!l || l->type != MN_JSON_OBJECT) return;
    for (size_t i = 0; i < l->n; i++) all += (double)mn_json_u64(l->items[i], 0);
    for (size_t i = 0; i < l->n; i++) {
        n = (double)mn_json_u64(l->items[i], 0);
        if (!is_code(l->keys[i]) || n < all / 100) continue;
        if (!any) mn_buf_addz(b, "language:\n");
        any = true;
        mn_buf_addf(b, "- %.*s\n", MN_STR_FMT(l->keys[i]));
    }
}

static void put_line(mn_buf *b, const char *key, mn_str v)
{
    if (!v.len) return;
    mn_buf_addf(b, "%s: ", key);
    mn_card__yaml(b, v);
    mn_buf_addc(b, '\n');
}

void mn_card__head(const mn_card *c, mn_buf *b)
{
    const mn_str corpus = mn_json_str(mn_json_get(c->training, "corpus"));
    const mn_str from = mn_json_str(mn_json_get(c->training, "tuned_from"));
    bool any = false;
    mn_buf_addz(b, "---\n");
    put_line(b, "license", c->licence.len ? c->licence : MN_STR("unknown"));
    put_languages(c, b);
    mn_buf_addz(b, "library_name: transformers\npipeline_tag: text-generation\n"
                   "tags:\n- mynah\n");
    if (corpus.len) mn_buf_addz(b, "- social-media\n");
    put_line(b, "base_model", c->source.len ? c->source : from);
    put_line(b, "author", c->author);
    if (corpus.len) {
        mn_buf_addz(b, "datasets:\n- ");
        mn_card__yaml(b, corpus);
        mn_buf_addc(b, '\n');
    }
    put_held_out(c, b, &any);
    put_tweeteval(c, b, &any);
    put_toxicity(c, b, &any);
    mn_buf_addz(b, "---\n");
}
