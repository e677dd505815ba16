/* Models and their reports: a list of what is here, a page for each, and its card.
 *
 * Everybody may see what was learnt from the community's public posts, and the promoted model; what was tuned on other data, or brought in, is shown to
 * members: its name alone may say what it was made for. */
#include "api/pages/report.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "api/api_int.h"
#include "api/mastodon/mastodon.h"
#include "api/served_int.h"
#include "base/fs.h"

#define MODELS_MOST 200
#define CARD_MAX    (1u << 20)
#define FILES_MAX   (256u << 20) /* of one model, read */

typedef struct found {
    mn_served__place place;
    mn_card card;
    const char *dir;
    bool promoted;
} found;

/* ---- finding ------------------------------------------------------------------------------------------------------------- */

static bool is_promoted(mn_api *a, const char *name)
{
    mn_served__place p;
    return mn_served__find(a->home->dir, MN_STR(MN_SERVED_PROMOTED), &p, NULL) == MN_OK &&
           strcmp(p.name, name) == 0;
}

static bool is_public(const found *f)
{
    return f->promoted || (mn_json_str(mn_json_get(f->card.training, "corpus")).len &&
                           !mn_json_get(f->card.training, "tuned_from"));
}

/* On ar. dir is where the files of a model lie: a GGUF file of its own has none.
 * errors MN_E_NOT_FOUND: there is none, or it is not for who asks */
static mn_rc find(mn_req *r, mn_str name, mn_arena *ar, found *ret, mn_err *e)
{
    mn_api *a = r->app;
    found f = {0};
    const char *corpora = mn_fs_join(ar, a->home->dir, "corpus"),
               *models = mn_fs_join(ar, a->home->dir, "models");
    MN_TRY(mn_served__find(a->home->dir, name, &f.place, e));
    f.dir = models ? mn_fs_join(ar, models, f.place.name) : NULL;
    if (!corpora || !f.dir) return mn_fail(e, MN_E_NOMEM, "out of memory");
    MN_TRY(mn_card_read(f.dir, corpora, ar, &f.card, e));
    f.promoted = is_promoted(a, f.place.name);
    if (!is_public(&f) && !mn_masto_me(r))
        return mn_fail(e, MN_E_NOT_FOUND, "There is no such model, or it is for members.");
    *ret = f;
    return MN_OK;
}

static void failed(mn_req *r, mn_resp *w, mn_rc rc, const mn_err *e)
{
    if (rc == MN_E_NOT_FOUND)
        mn_page_error(r, w, 404, "There is no such model, or it is for members.");
    else mn_page_failed(r, w, e);
}

static const char *kind_of(const mn_card *c)
{
    if (mn_json_get(c->training, "tuned_from") || mn_json_get(c->origin, "tuned_from"))
        return "tuned";
    if (c->training) return "raised";
    return "brought in";
}

/* ---- the list ------------------------------------------------------------------------------------------------------------- */

static void cell_number(mn_buf *b, bool known, double x, const char *unit, int decimals)
{
    if (known) mn_buf_addf(b, "<td>%.*f%s</td>", decimals, x, unit);
    else H(b, "<td>–</td>");
}

static void cell_bits(mn_buf *b, const mn_card *c)
{
    double x = 0;
    bool known =
        mn_report__number(mn_card_result(c, "held_out", NULL), "bits_per_byte", 0, 1000, &x) ||
        mn_report__number(c->training, "val_bits_per_byte", 0, 1000, &x);
    cell_number(b, known, x, "", 3);
}

/* The highest of any planted sentence. */
static void cell_exposure(mn_buf *b, const mn_card *c)
{
    const mn_json *m = mn_card_result(c, "memorisation", NULL), *g,
                  *of = mn_json_get(mn_json_get(m, "exposure"), "repetitions");
    double most = -INFINITY, x;
    for (size_t i = 0; (g = mn_json_at(of, i)); i++)
        if (mn_report__number(g, "highest", -100, 100, &x)) most = fmax(most, x);
    cell_number(b, isfinite(most), most, " bits", 1);
}

static void row_html(mn_buf *b, const found *f)
{
    double x = 0;
    H(b, "<tr><td><a href=\"/models/");
    mn_h_query(b, mn_str_from(f->place.name));
    H(b, "\" dir=\"auto\">");
    mn_h_textz(b, f->place.name);
    H(b, "</a>");
    if (f->promoted) H(b, " <span class=\"tag\">in use</span>");
    mn_buf_addf(b, "</td><td>%s</td><td>", kind_of(&f->card));
    if (f->card.has_cfg) mn_buf_addf(b, "%.1f M", (double)mn_config_params(&f->card.cfg) / 1e6);
    else H(b, "–");
    H(b, "</td>");
    cell_bits(b, &f->card);
    cell_exposure(b, &f->card);
    bool known =
        mn_report__number(mn_card_result(&f->card, "toxicity", NULL), "rate", 0, 1, &x);
    cell_number(b, known, 100 * x, " %", 1);
    H(b, "<td>");
    mn_h_time(b, f->place.created_ms);
    H(b, "</td></tr>");
}

static size_t rows_html(mn_req *r, mn_buf *b, const mn_served_model *all, size_t n)
{
    size_t shown = 0;
    mn_arena ar;
    mn_arena_init(&ar, FILES_MAX);
    for (size_t i = 0; i < n && shown < MODELS_MOST; i++) {
        found f;
        if (strcmp(all[i].name, MN_SERVED_PROMOTED) == 0)
            continue; /* it has its own name too */
        if (find(r, mn_str_from(all[i].name), &ar, &f, NULL) == MN_OK) row_html(b, &f), shown++;
        mn_arena_reset(&ar);
    }
    mn_arena_release(&ar);
    return shown;
}

static void models_get(mn_req *r, mn_resp *w)
{
    mn_err e = {0};
    mn_api *a = r->app;
    mn_served_model *all = NULL;
    mn_buf rows;
    size_t n = 0;
    if (mn_served_list(a->served, r->arena, &all, &n, &e) != MN_OK) {
        mn_page_failed(r, w, &e);
        return;
    }
    mn_buf_init(&rows, 0);
    const size_t shown = rows_html(r, &rows, all, n);
    mn_buf *b = mn_page_open(r, w, "Models", MN_TAB_MODEL);
    H(b,
      "<h1>Models</h1><p class=\"lead\">What this server has raised, tuned or brought in, and "
      "how good each is. <a href=\"/model\">What is being learnt now</a></p>");
    if (shown) {
        H(b,
          "<section class=\"card\"><div class=\"table tight\" tabindex=\"0\" role=\"region\" "
          "aria-label=\"Models\"><table><thead><tr><th scope=\"col\">model</th>"
          "<th scope=\"col\">came</th><th scope=\"col\">size</th>"
          "<th scope=\"col\">bits per byte</th><th scope=\"col\">exposure</th>"
          "<th scope=\"col\">offensive</th><th scope=\"col\">since</th></tr></thead><tbody>");
        mn_buf_adds(b, mn_buf_str(&rows));
        H(b,
          "</tbody></table></div><p class=\"small\">Size is in parameters. Bits per byte are "
          "those of posts that it has not seen; fewer are better. Exposure is how well the "
          "best-known planted sentence is remembered: 1.4 bits by chance, 10 at most. "
          "Offensive: the share of what it writes freely that a small classifier takes for "
          "that.</p></section>");
    } else {
        H(b, "<p class=\"empty\">No model is here that everybody may see.</p>");
    }
    mn_buf_release(&rows);
    mn_page_close(r, w);
}

/* ---- a report ---------------------------------------------------------------------------------------------------------------- */

static void head_html(mn_buf *b, const found *f)
{
    const mn_card *c = &f->card;
    H(b, "<h1 dir=\"auto\">");
    mn_h_textz(b, f->place.name);
    H(b, "</h1><p class=\"lead\">");
    if (f->promoted) H(b, "<span class=\"tag\">in use</span> ");
    if (strcmp(kind_of(c), "raised") == 0)
        H(b, "A language model raised from nothing on posts whose authors allow it.");
    else if (strcmp(kind_of(c), "tuned") == 0)
        H(b, "A language model tuned here from another one.");
    else H(b, "A language model brought in from elsewhere.");
    H(b, "</p><div class=\"pager\"><a href=\"/models/");
    mn_h_query(b, mn_str_from(f->place.name));
    H(b, "/card\" download=\"README.md\">Model card (Markdown)</a><a href=\"/models\">All "
         "models</a></div>");
    if (mn_card_stale(c))
        H(b, "<p class=\"small\">It has learnt or forgotten something since it was last "
             "evaluated; "
             "what was measured before is left out.</p>");
    if (!c->damaged) return;
    H(b, "<p class=\"wrong\" role=\"alert\">Not all of this report is there: ");
    mn_h_textz(b, c->damaged);
    H(b, " is damaged.</p>");
}

static void report_html(mn_req *r, mn_resp *w, const found *f)
{
    char title[MN_SERVED_NAME + 16];
    snprintf(title, sizeof title, "Model %s", f->place.name);
    mn_buf *b = mn_page_open(r, w, title, MN_TAB_MODEL);
    head_html(b, f);
    mn_report__figures(r, b, &f->card);
    mn_report__held_out(b, &f->card);
    mn_report__memory(b, &f->card);
    mn_report__free(b, &f->card);
    mn_report__tweets(b, &f->card);
    mn_report__corpus(b, &f->card);
    mn_report__recipe(b, &f->card);
    mn_report__forgotten(b, &f->card);
    mn_page_close(r, w);
}

static void report_get(mn_req *r, mn_resp *w)
{
    mn_err e = {0};
    found f;
    mn_arena ar;
    mn_arena_init(&ar, FILES_MAX);
    mn_rc rc = find(r, mn_req_param(r, "name"), &ar, &f, &e);
    if (rc == MN_OK) report_html(r, w, &f);
    else failed(r, w, rc, &e);
    mn_arena_release(&ar);
}

/* README.md as it lies there (another's card may), else what it would be. */
static mn_rc put_card(mn_req *r, mn_arena *ar, mn_buf *b, mn_err *e)
{
    found f;
    MN_TRY(find(r, mn_req_param(r, "name"), ar, &f, e));
    const char *path = mn_fs_join(ar, f.dir, "README.md");
    if (!path) return mn_fail(e, MN_E_NOMEM, "out of memory");
    if (mn_fs_exists(path)) return mn_fs_read(path, CARD_MAX, b, e);
    mn_card_put(&f.card, b);
    return MN_OK;
}

static void card_get(mn_req *r, mn_resp *w)
{
    mn_err e = {0};
    mn_arena ar;
    mn_arena_init(&ar, FILES_MAX);
    mn_rc rc = put_card(r, &ar, mn_resp_body(w), &e);
    mn_arena_release(&ar);
    if (rc != MN_OK) {
        failed(r, w, rc, &e);
        return;
    }
    mn_resp_status(w, 200);
    mn_resp_type(w, "text/markdown; charset=utf-8");
    mn_resp_header(w, "Content-Disposition", MN_STR("attachment; filename=\"README.md\""));
    mn_resp_header(w, "Vary", MN_STR("Cookie"));
    if (mn_masto_me(r)) mn_resp_header(w, "Cache-Control", MN_STR("private, no-cache"));
    mn_resp_etag(w);
}

const mn_route mn_page__routes_report[] = {
    {MN_GET, "/models", models_get, 0, MN_RUN_WORKER, NULL},
    {MN_GET, "/models/:name", report_get, 0, MN_RUN_WORKER, NULL},
    {MN_GET, "/models/:name/card", card_get, 0, MN_RUN_WORKER, NULL},
    {.path = NULL},
};
