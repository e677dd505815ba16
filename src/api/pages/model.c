/* Model: the curves as it learns, what it writes, what it was trained on. The facts come from the document that
 * /api/mynah/model gives; a field that is not there is not shown. */
#include "api/pages/chart.h"
#include "api/pages/facts.h"

#include <math.h>

#include "base/json.h"

#define AUTHORS_SHOWN 12

static const char *state_words(mn_str state)
{
    static const struct {
        const char *state, *words;
    } table[] = {
        {"importing", "Posts are being imported"},
        {"building", "The corpus is being built"},
        {"training", "The model is learning now"},
        {"done", "The model has finished learning"},
        {"failed", "Training stopped with an error"},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (mn_str_eqz(state, table[i].state)) return table[i].words;
    return "No model is being trained";
}

static void chart(mn_req *r, mn_buf *b, const mn_json *rows, const char *key, mn_chart c)
{
    size_t n = rows ? rows->n : 0;
    double *x = mn_arena_calloc(r->arena, n + 1, sizeof *x),
           *y = mn_arena_calloc(r->arena, n + 1, sizeof *y);
    if (!x || !y) return;
    for (size_t i = 0; i < n; i++) {
        x[i] = mn_json_f64(mn_json_get(mn_json_at(rows, i), "step"), NAN);
        y[i] = mn_json_f64(mn_json_get(mn_json_at(rows, i), key), NAN);
    }
    c.x = x, c.y = y, c.n = n, c.x_label = "step";
    mn_h_chart(b, &c);
}

static void status_html(mn_buf *b, const mn_json *doc)
{
    mn_str state = mn_json_str(mn_json_get(doc, "state"));
    const mn_json *progress = mn_json_get(doc, "progress");
    uint64_t done = mn_json_u64(mn_json_get(progress, "done"), 0),
             total = mn_json_u64(mn_json_get(progress, "total"), 0);
    H(b, "<div class=\"status\" id=\"status\" data-state=\"");
    mn_h_text(b, state);
    H(b, "\"><p><span class=\"dot\" aria-hidden=\"true\"></span><b>");
    mn_h_textz(b, state_words(state));
    H(b, "</b></p>");
    if (total) {
        mn_buf_addf(b,
                    "<progress aria-label=\"Progress\" max=\"%llu\" "
                    "value=\"%llu\"></progress><p class=\"small\">",
                    (unsigned long long)total, (unsigned long long)done);
        mn_h_count(b, done);
        H(b, " of ");
        mn_h_count(b, total);
        mn_buf_addc(b, ' ');
        mn_h_text(b, mn_json_str(mn_json_get(progress, "unit")));
        H(b, "</p>");
    }
    mn_str message = mn_json_str(mn_json_get(doc, "message"));
    if (message.len) {
        H(b, "<p class=\"small\">");
        mn_h_text(b, message);
        H(b, "</p>");
    }
    H(b, "</div>");
}

static uint64_t step_of(const mn_json *samples, size_t i)
{
    return mn_json_u64(mn_json_get(mn_json_at(samples, i), "step"), UINT64_MAX);
}

/* All of the latest step; of each step before it the first, which goes on from the same opening: one sees it get better. */
static bool sample_is_shown(const mn_json *samples, size_t i)
{
    uint64_t step = step_of(samples, i);
    return step == step_of(samples, samples->n - 1) || i == 0 ||
           step_of(samples, i - 1) != step;
}

static void samples_html(mn_buf *b, const mn_json *samples)
{
    if (!samples || !samples->n) return;
    H(b, "<section class=\"card\"><h2>What it writes as it learns</h2><p "
         "class=\"small\">Generated text, newest first; the underlined words are a post's "
         "opening that it was given to go on from. It is practice, not information.</p><ol "
         "class=\"samples\" id=\"samples\">");
    for (size_t i = samples->n; i-- > 0;) {
        const mn_json *s = mn_json_at(samples, i);
        if (!sample_is_shown(samples, i)) continue;
        mn_str text = s->type == MN_JSON_STRING ? s->text : mn_json_str(mn_json_get(s, "text"));
        H(b, "<li>");
        if (mn_json_get(s, "step")) {
            H(b, "<span class=\"small\">step ");
            mn_h_count(b, mn_json_u64(mn_json_get(s, "step"), 0));
            H(b, "</span>");
        }
        H(b, "<p class=\"generated\" dir=\"auto\">");
        mn_str given = mn_json_str(mn_json_get(s, "given"));
        if (given.len) {
            H(b, "<u class=\"given\">");
            mn_h_text(b, given);
            H(b, "</u>");
        }
        mn_h_text(b, text);
        H(b, "</p></li>");
    }
    H(b, "</ol></section>");
}

/* Those with the most posts in it; the manifest has ids, the store their names now. */
static void authors_html(mn_req *r, mn_buf *b, const mn_json *top)
{
    uint64_t max = mn_json_u64(mn_json_get(mn_json_at(top, 0), "posts"), 0);
    if (!top || !top->n || !max) return;
    H(b, "<h3>Authors with the most posts in it</h3><table class=\"bars\">");
    for (size_t i = 0; i < top->n && i < AUTHORS_SHOWN; i++) {
        mn_account a;
        mn_err e = {0};
        const mn_json *row = mn_json_at(top, i);
        uint64_t id = mn_json_u64(mn_json_get(row, "id"), 0);
        uint64_t posts = mn_json_u64(mn_json_get(row, "posts"), 0);
        if (mn_store_account_by_id(mn_api_store(r->app), id, r->arena, &a, &e) != MN_OK ||
            a.state != MN_ACCOUNT_ACTIVE)
            continue;
        H(b, "<tr><th scope=\"row\"><a href=\"/@");
        mn_h_text(b, a.name);
        H(b, "\">@");
        mn_h_text(b, a.name);
        H(b, "</a>");
        mn_h_bar_cells(b, posts, max);
    }
    H(b, "</table>");
}

static void corpus_html(mn_req *r, mn_buf *b, const mn_json *c)
{
    if (!c || c->type != MN_JSON_OBJECT) return;
    H(b, "<section class=\"card\"><h2>What it was trained on</h2><p class=\"small\">Only "
         "public posts whose authors "
         "allow learning, cleaned and without repetitions. Corpus <code>");
    mn_h_text(b, mn_json_str(mn_json_get(c, "name")));
    H(b, "</code></p><dl class=\"figures\">");
    mn_h_fact_count(b, "", "posts read", mn_json_get(c, "posts_in"));
    mn_h_fact_count(b, "", "posts kept", mn_json_get(c, "posts_kept"));
    mn_h_fact_count(b, "", "bytes of text", mn_json_get(c, "bytes"));
    mn_h_fact_count(b, "", "tokens", mn_json_get(c, "tokens"));
    H(b, "</dl>");
    mn_h_bars(b, "Left out, and why", mn_json_get(c, "dropped"), 20);
    mn_h_bars(b, "Languages", mn_json_get(c, "languages"), 12);
    authors_html(r, b, mn_json_get(mn_json_get(c, "authors"), "top"));
    H(b, "</section>");
}

static void training_html(mn_req *r, mn_buf *b, const mn_json *t)
{
    const mn_json *curve = mn_json_get(t, "curve"), *evals = mn_json_get(t, "evals");
    H(b, "<section class=\"card\" id=\"training\"><dl class=\"figures\">");
    mn_h_fact(b, "model", mn_json_str(mn_json_get(t, "name")), "");
    mn_h_fact(b, "size", mn_json_str(mn_json_get(t, "preset")), "");
    mn_h_fact_count(b, "", "parameters", mn_json_get(t, "params"));
    mn_h_fact_count(b, "f-steps", "steps", mn_json_get(t, "steps"));
    mn_h_fact_number(b, "f-loss", "loss", mn_json_last(curve, "loss"), "");
    mn_h_fact_number(b, "f-bpb", "held-out bits per byte",
                     mn_json_last(evals, "val_bits_per_byte"), "");
    mn_h_fact_number(b, "f-speed", "tokens a second", mn_json_last(curve, "tokens_per_s"), "");
    H(b, "</dl><div class=\"charts\" id=\"charts\">");
    chart(r, b, curve, "loss",
          (mn_chart){.title = "Loss, nats per token", .y_label = "loss", .mark = NAN});
    chart(r, b, evals, "val_bits_per_byte",
          (mn_chart){.title = "Held-out bits per byte",
                     .y_label = "held-out bits per byte",
                     .mark = mn_json_f64(mn_json_get(t, "xz_bits_per_byte"), NAN),
                     .mark_label = "xz -9e"});
    H(b, "</div></section>");
}

void mn_page_model(mn_req *r, mn_resp *w)
{
    mn_err e = {0};
    mn_buf text;
    mn_json *doc = NULL;
    mn_buf_init(&text, 8u << 20);
    mn_rc rc = mn_api_model_json(r->app, &text, &e);
    mn_str copy = rc == MN_OK ? mn_str_dup(r->arena, mn_buf_str(&text)) : MN_STR_NONE;
    mn_buf_release(&text);
    if (rc == MN_OK && !copy.ptr) rc = mn_fail(&e, MN_E_NOMEM, "out of memory");
    if (rc == MN_OK) rc = mn_json_parse(copy, r->arena, &doc, &e);
    if (rc != MN_OK) {
        mn_page_failed(r, w, &e);
        return;
    }
    const mn_json *t = mn_json_get(doc, "training");
    mn_buf *b = mn_page_open(r, w, "Model", MN_TAB_MODEL);
    H(b, "<h1>Model</h1><p class=\"lead\">A language model of the LLaMA family, raised from "
         "nothing on this "
         "server's own posts.</p>");
    status_html(b, doc);
    H(b, "<p><a href=\"/models\">All models of this server, and how good each is</a></p>");
    if (t && t->type == MN_JSON_OBJECT) training_html(r, b, t);
    if (t && t->type == MN_JSON_OBJECT) samples_html(b, mn_json_get(t, "samples"));
    corpus_html(r, b, mn_json_get(doc, "corpus"));
    mn_page_close(r, w);
}
