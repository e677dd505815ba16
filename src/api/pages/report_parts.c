/* The sections of a model's report. */
#include "api/pages/report.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "api/pages/chart.h"
#include "model/tweeteval.h"

#define MONTHS    24
#define LANGUAGES 12

bool mn_report__number(const mn_json *o, const char *key, double low, double high, double *ret)
{
    const double x = mn_json_f64(mn_json_get(o, key), NAN);
    if (!(x >= low && x <= high)) return false;
    *ret = x;
    return true;
}

static uint64_t count(const mn_json *o, const char *key)
{
    return mn_json_u64(mn_json_get(o, key), 0);
}

static mn_str text(const mn_json *o, const char *key)
{
    return mn_json_str(mn_json_get(o, key));
}

static void open_card(mn_buf *b, const char *title, const char *lead)
{
    mn_buf_addf(b, "<section class=\"card\"><h2>%s</h2>", title);
    if (*lead) mn_buf_addf(b, "<p class=\"small\">%s</p>", lead);
}

/* heads: the columns, parted by '|'. */
static void open_table(mn_buf *b, const char *label, const char *heads)
{
    mn_str rest = mn_str_from(heads);
    mn_buf_addf(
        b,
        "<div class=\"table tight\" tabindex=\"0\" role=\"region\" aria-label=\"%s\"><table>"
        "<thead><tr>",
        label);
    while (rest.ptr) {
        mn_str head = mn_str_split(rest, '|', &rest);
        H(b, "<th scope=\"col\">");
        mn_h_text(b, head);
        H(b, "</th>");
    }
    H(b, "</tr></thead><tbody>");
}

static void close_table(mn_buf *b)
{
    H(b, "</tbody></table></div>");
}

static void cell_count(mn_buf *b, uint64_t n)
{
    H(b, "<td>");
    mn_h_count(b, n);
    H(b, "</td>");
}

static void cell_text(mn_buf *b, mn_str s)
{
    H(b, "<td dir=\"auto\">");
    mn_h_text(b, s);
    H(b, "</td>");
}

/* ---- figures and curves -------------------------------------------------------------------------------------------------- */

typedef struct series {
    double *x, *y;
    size_t n;
} series;

/* Tokens seen at a step, in millions, between the points of the curve. */
static double tokens_at(const mn_json *curve, double step)
{
    double x0 = 0, t0 = 0;
    const mn_json *p;
    for (size_t i = 0; (p = mn_json_at(curve, i)); i++) {
        const double x = mn_json_f64(mn_json_get(p, "step"), NAN),
                     t = mn_json_f64(mn_json_get(p, "tokens"), NAN);
        if (!isfinite(x) || !isfinite(t) || x < x0) continue;
        if (x >= step) return (x > x0 ? t0 + (t - t0) * (step - x0) / (x - x0) : t) / 1e6;
        x0 = x, t0 = t;
    }
    return t0 / 1e6;
}

static bool read_series(mn_req *r, const mn_json *rows, const char *key, const mn_json *curve,
                        series *ret)
{
    const size_t n = rows ? rows->n : 0;
    *ret = (series){mn_arena_calloc(r->arena, n + 1, sizeof(double)),
                    mn_arena_calloc(r->arena, n + 1, sizeof(double)), n};
    if (!ret->x || !ret->y) return false;
    for (size_t i = 0; i < n; i++) {
        const mn_json *p = mn_json_at(rows, i);
        const double step = mn_json_f64(mn_json_get(p, "step"), NAN);
        ret->x[i] = curve == rows ? mn_json_f64(mn_json_get(p, "tokens"), NAN) / 1e6
                                  : tokens_at(curve, step);
        ret->y[i] = mn_json_f64(mn_json_get(p, key), NAN);
    }
    return true;
}

static void curve_html(mn_req *r, mn_buf *b, const mn_json *rows, const char *key,
                       const mn_json *curve, mn_chart c)
{
    series s;
    if (!rows || rows->type != MN_JSON_ARRAY || !rows->n) return;
    if (!read_series(r, rows, key, curve, &s)) return;
    c.x = s.x, c.y = s.y, c.n = s.n, c.x_label = "million tokens seen";
    mn_h_chart(b, &c);
}

static void curves_html(mn_req *r, mn_buf *b, const mn_json *t)
{
    const mn_json *curve = mn_json_get(t, "curve"), *evals = mn_json_get(t, "evals");
    if (!curve || curve->type != MN_JSON_ARRAY || !curve->n) return;
    H(b, "<div class=\"charts\">");
    curve_html(r, b, curve, "loss", curve,
               (mn_chart){.title = "Loss, nats per token, by million tokens",
                          .y_label = "loss",
                          .mark = NAN});
    if (mn_json_get(t, "tuned_from"))
        curve_html(r, b, evals, "val_loss", curve,
                   (mn_chart){.title = "Held-out loss, nats per token, by million tokens",
                              .y_label = "held-out loss",
                              .mark = mn_json_f64(mn_json_get(t, "val_loss_before"), NAN),
                              .mark_label = "before tuning"});
    else
        curve_html(r, b, evals, "val_bits_per_byte", curve,
                   (mn_chart){.title = "Held-out bits per byte, by million tokens",
                              .y_label = "held-out bits per byte",
                              .mark = mn_json_f64(mn_json_get(t, "xz_bits_per_byte"), NAN),
                              .mark_label = "xz -9e"});
    H(b, "</div>");
}

static void shape_html(mn_buf *b, const mn_config *c)
{
    H(b, "<div><dt>parameters</dt><dd>");
    mn_h_count(b, mn_config_params(c));
    mn_buf_addf(b, "</dd></div><div><dt>layers, width</dt><dd>%u, %u</dd></div>", c->L, c->C);
    mn_buf_addf(b, "<div><dt>context, tokens</dt><dd>%u</dd></div>", c->T);
}

void mn_report__figures(mn_req *r, mn_buf *b, const mn_card *c)
{
    const mn_json *h = mn_card_result(c, "held_out", NULL), *t = c->training;
    double bits = NAN;
    H(b, "<section class=\"card\"><dl class=\"figures\">");
    if (c->has_cfg) shape_html(b, &c->cfg);
    mn_h_fact_count(b, "", "steps", mn_json_get(t, "steps"));
    mn_h_fact_count(b, "", "tokens seen", mn_json_get(t, "tokens"));
    if (!mn_report__number(h, "bits_per_byte", 0, 1000, &bits))
        mn_report__number(t, "val_bits_per_byte", 0, 1000, &bits);
    mn_h_fact_number(b, "", "held-out bits per byte", bits, "");
    mn_h_fact(b, "licence", c->licence.len ? c->licence : MN_STR("not given"), "");
    mn_h_fact(b, "comes from", c->source, "");
    mn_h_fact(b, "tuned from", text(c->origin, "tuned_from"), "");
    mn_h_fact(b, "goes on from", text(c->origin, "continued_from"), "");
    H(b, "</dl>");
    curves_html(r, b, t);
    H(b, "</section>");
}

/* ---- how well it predicts ------------------------------------------------------------------------------------------------- */

static void group_row(mn_buf *b, mn_str name, const mn_json *g)
{
    double x;
    if (!mn_report__number(g, "bits_per_byte", 0, 1000, &x)) return;
    cell_text(b, name);
    mn_buf_addf(b, "<td>%.4f</td>", x);
    cell_count(b, count(g, "posts"));
    cell_count(b, count(g, "bytes"));
    H(b, "</tr>");
}

static void group_rows(mn_buf *b, const mn_json *rows, const char *key, size_t from,
                       size_t most)
{
    const mn_json *g;
    for (size_t i = from; (g = mn_json_at(rows, i)) && i < from + most; i++) {
        const mn_str name = text(g, key);
        H(b, "<tr>");
        group_row(b,
                  mn_json_bool(mn_json_get(g, "others"), false) ? MN_STR("others")
                  : name.len                                    ? name
                                                                : MN_STR("not known"),
                  g);
    }
}

void mn_report__held_out(mn_buf *b, const mn_card *c)
{
    const mn_json *h = mn_card_result(c, "held_out", NULL), *m = mn_json_get(h, "months");
    if (!h || h->type != MN_JSON_OBJECT) return;
    open_card(
        b, "How well it predicts posts that it has not seen",
        "Bits per byte of their text; fewer are better, and it compares between models of "
        "any vocabulary.");
    open_table(b, "Held-out bits per byte", "posts in|bits per byte|posts|bytes");
    H(b, "<tr>");
    group_row(b, MN_STR("all"), h);
    group_rows(b, mn_json_get(h, "languages"), "lang", 0, LANGUAGES);
    group_rows(b, m, "month", m && m->n > MONTHS ? m->n - MONTHS : 0, MONTHS);
    close_table(b);
    H(b, "</section>");
}

/* ---- what it remembers ------------------------------------------------------------------------------------------------------ */

static void exposure_html(mn_buf *b, const mn_json *x)
{
    const mn_json *rows = mn_json_get(x, "repetitions"), *g;
    double mean, most, z;
    H(b, "<h3>Exposure of planted sentences, bits</h3><table class=\"bars\"><thead><tr><th "
         "scope=\"col\">planted as</th><th scope=\"col\"><span class=\"sr\">bar</span></th><th "
         "scope=\"col\" class=\"n\">mean</th><th scope=\"col\" class=\"n\">highest</th></tr>"
         "</thead>");
    for (size_t i = 0; (g = mn_json_at(rows, i)) && i < 24; i++) {
        if (!mn_report__number(g, "exposure", -100, 100, &mean) ||
            !mn_report__number(g, "highest", -100, 100, &most))
            continue;
        H(b, "<tr><th scope=\"row\">");
        mn_h_plural(b, count(g, "copies"), "copy", "copies");
        mn_buf_addf(b,
                    "</th><td><meter aria-hidden=\"true\" min=\"0\" max=\"9.97\" "
                    "value=\"%.2f\"></meter></td><td class=\"n\">%.2f</td><td "
                    "class=\"n\">%.2f</td></tr>",
                    fmin(fmax(mean, 0), 9.97), mean, most);
    }
    H(b, "</table><p class=\"small\">How far sentences that nobody wrote, planted among its "
         "posts, stand out among a thousand that it never saw: 1.44 bits by chance, 9.97 at "
         "most.");
    if (mn_report__number(x, "rank_sum_z", -1e6, 1e6, &z))
        mn_buf_addf(b, " All together: %.2f standard deviations from chance, %s.", z,
                    z < -1.96 ? "so they were learnt" : "not told from chance");
    H(b, "</p>");
}

static void extraction_row(mn_buf *b, const mn_json *s, const char *name)
{
    if (!s || s->type != MN_JSON_OBJECT) return;
    mn_buf_addf(b, "<tr><td>%s</td><td>", name);
    mn_h_count(b, count(s, "extracted"));
    H(b, " of ");
    mn_h_count(b, count(s, "asked"));
    H(b, "</td><td>");
    mn_h_count(b, count(s, "extracted_short"));
    H(b, " of ");
    mn_h_count(b, count(s, "asked_short"));
    H(b, "</td>");
    cell_count(b, count(s, "longest"));
    H(b, "</tr>");
}

static void extraction_html(mn_buf *b, const mn_json *x)
{
    if (!x || x->type != MN_JSON_OBJECT) return;
    mn_buf_addf(b, "<h3>Said word for word after %llu tokens of a document</h3>",
                (unsigned long long)count(x, "prompt_tokens"));
    open_table(b, "Said word for word", "documents|of 50 tokens|to the end|longest run");
    extraction_row(b, mn_json_get(x, "train"), "learnt from");
    extraction_row(b, mn_json_get(x, "held_out"), "held out");
    close_table(b);
}

void mn_report__memory(mn_buf *b, const mn_card *c)
{
    const mn_json *m = mn_card_result(c, "memorisation", NULL), *x = mn_json_get(m, "exposure");
    if (!m || m->type != MN_JSON_OBJECT) return;
    open_card(b, "What it remembers", "");
    if (x && x->type == MN_JSON_OBJECT) exposure_html(b, x);
    extraction_html(b, mn_json_get(m, "extraction"));
    H(b, "</section>");
}

/* ---- what it writes ------------------------------------------------------------------------------------------------------------ */

static void share_row(mn_buf *b, const mn_json *s, const char *name, const char *of)
{
    double rate, low, high;
    if (!mn_report__number(s, "rate", 0, 1, &rate) ||
        !mn_report__number(s, "low", 0, 1, &low) || !mn_report__number(s, "high", 0, 1, &high))
        return;
    mn_buf_addf(b, "<tr><td>%s</td><td>%.1f %%</td><td>%.1f to %.1f %%</td><td>", name,
                100 * rate, 100 * low, 100 * high);
    mn_h_count(b, count(s, "flagged"));
    H(b, " of ");
    mn_h_count(b, count(s, of));
    H(b, "</td></tr>");
}

static void toxicity_html(mn_buf *b, const mn_json *t)
{
    double f1;
    if (!t || t->type != MN_JSON_OBJECT) return;
    H(b, "<h3>Judged offensive</h3>");
    open_table(b, "Judged offensive", "by|share|true share between|texts");
    share_row(b, t, "the model", "samples");
    share_row(b, mn_json_get(t, "baseline"), "people", "posts");
    close_table(b);
    if (!mn_report__number(t, "classifier_f1", 0, 1, &f1)) return;
    mn_buf_addf(
        b,
        "<p class=\"small\">By a small classifier that errs (macro F1 %.1f on tweets that "
        "it did not learn from): the two compare, neither is the truth.</p>",
        100 * f1);
}

static void sample_html(mn_buf *b, const mn_json *s)
{
    const mn_str given = text(s, "given");
    H(b, "<li>");
    if (given.len) {
        H(b, "<span class=\"small\">");
        mn_h_text(b, given);
        H(b, "</span>");
    }
    H(b, "<p class=\"generated\" dir=\"auto\">");
    mn_h_text(b, text(s, "text"));
    H(b, "</p></li>");
}

void mn_report__free(mn_buf *b, const mn_card *c)
{
    const mn_json *t = mn_card_result(c, "toxicity", NULL),
                  *s = mn_json_get(mn_card_result(c, "samples", NULL), "texts");
    const bool any = s && s->type == MN_JSON_ARRAY && s->n;
    if (!t && !any) return;
    open_card(b, "What it writes when nothing is asked of it", "");
    toxicity_html(b, t);
    if (any) {
        H(b, "<h3>Some of it</h3><p class=\"small\">Generated text: practice, not "
             "information.</p><ol class=\"samples\">");
        for (size_t i = 0; i < s->n && i < 24; i++) sample_html(b, mn_json_at(s, i));
        H(b, "</ol>");
    }
    H(b, "</section>");
}

static void published(mn_buf *b, mn_str name)
{
    for (size_t i = 0; i < MN_TWEET_TASKS; i++) {
        const mn_tweet_task *t = &mn_tweet_tasks[i];
        if (!mn_str_eqz(name, t->name)) continue;
        mn_buf_addf(b, "<td>%.1f</td><td>%.1f</td><td>%.1f</td><td>%.1f</td>", t->fasttext,
                    t->lstm, t->roberta, t->bertweet);
        return;
    }
    H(b, "<td>–</td><td>–</td><td>–</td><td>–</td>");
}

static void tweets_rows(mn_buf *b, const mn_json *t, const char *how)
{
    double score;
    for (size_t i = 0; t && t->type == MN_JSON_OBJECT && i < t->n && i < 50; i++) {
        if (!mn_report__number(t->items[i], "score", 0, 1, &score)) continue;
        H(b, "<tr>");
        cell_text(b, t->keys[i]);
        mn_buf_addf(b, "<td><b>%.1f</b></td>", 100 * score);
        published(b, t->keys[i]);
        cell_text(b, text(t->items[i], "measure"));
        mn_buf_addf(b, "<td>%s</td>", how);
        H(b, "</tr>");
    }
}

void mn_report__tweets(mn_buf *b, const mn_card *c)
{
    const mn_json *t = mn_card_result(c, "tweeteval", NULL),
                  *few = mn_card_result(c, "tweeteval_few_shot", NULL);
    if (!t && !few) return;
    open_card(
        b, "Telling tweets apart (TweetEval)",
        "On the validation split; the other models' figures are published ones of the test "
        "split.");
    open_table(b, "TweetEval",
               "task|this model|FastText|LSTM|RoBERTa-base|BERTweet|measure|how");
    tweets_rows(b, t, "fine-tuned");
    tweets_rows(b, few, "examples in the prompt");
    close_table(b);
    H(b, "</section>");
}

/* ---- what it learnt from, how, and what it forgot --------------------------------------------------------------------------------- */

void mn_report__corpus(mn_buf *b, const mn_card *c)
{
    const mn_json *m = c->manifest;
    const mn_str name = text(c->training, "corpus");
    if (!name.len) return;
    open_card(b, "What it learnt from",
              "Public posts whose authors allow learning, cleaned and without repetitions.");
    H(b, "<dl class=\"figures\">");
    mn_h_fact(b, "corpus", name, "");
    mn_h_fact_count(b, "", "posts read", mn_json_get(m, "posts_in"));
    mn_h_fact_count(b, "", "posts kept", mn_json_get(m, "posts_kept"));
    mn_h_fact_count(b, "", "authors", mn_json_get(mn_json_get(m, "authors"), "count"));
    mn_h_fact_count(b, "", "bytes of text", mn_json_get(m, "bytes"));
    mn_h_fact_count(b, "", "documents not learnt from any more",
                    mn_json_get(c->training, "masked"));
    H(b, "</dl>");
    mn_h_bars(b, "Languages", mn_json_get(m, "languages"), 12);
    mn_h_bars(b, "Licences", mn_json_get(m, "licences"), 12);
    mn_h_bars(b, "Left out, and why", mn_json_get(m, "dropped"), 20);
    if (!m) H(b, "<p class=\"small\">The corpus is not here any more as it was then.</p>");
    H(b, "</section>");
}

void mn_report__recipe(mn_buf *b, const mn_card *c)
{
    static const char *const words[][2] = {
        {"state", "state"},     {"size", "preset"},    {"optimiser", "optimiser"},
        {"products", "dtype"},  {"data", "data"},      {"matrices tuned", "targets"},
        {"seed", "seed"},       {"decay", "decay"},    {"rate falls over", "fall"},
        {"rank", "rank"},       {"alpha", "alpha"},    {"examples", "train_examples"},
        {"seconds", "seconds"}, {"threads", "threads"}};
    if (!c->training) return;
    open_card(b, "How it learnt", "");
    H(b, "<dl class=\"figures\">");
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        const mn_json *v = mn_json_get(c->training, words[i][1]);
        char number[32] = "";
        double x;
        if (v && v->type == MN_JSON_NUMBER &&
            mn_report__number(c->training, words[i][1], -1e15, 1e15, &x))
            snprintf(number, sizeof number, fabs(x) < 100 ? "%.6g" : "%.0f", x);
        mn_h_fact(b, words[i][0], *number ? mn_str_from(number) : mn_json_str(v), "");
    }
    H(b, "</dl></section>");
}

void mn_report__forgotten(mn_buf *b, const mn_card *c)
{
    if (!c->n_forgotten) return;
    open_card(b, "What it forgot",
              "It is, to the bit, the model that training without these documents gives.");
    open_table(b, "What it forgot", "finished|documents|steps repeated|of");
    for (size_t i = c->n_forgotten; i-- > 0;) {
        const mn_json *f = c->forgotten[i];
        H(b, "<tr>");
        cell_text(b, text(f, "finished"));
        cell_count(b, count(f, "documents"));
        cell_count(b, count(f, "steps_repeated"));
        cell_count(b, count(f, "step"));
        H(b, "</tr>");
    }
    close_table(b);
    H(b, "</section>");
}
