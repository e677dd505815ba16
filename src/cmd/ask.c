/* mynah ask: an answer made of posts, with the posts it stands on, or the plain word that there is none. */
#include "mind/ask.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/progress.h"
#include "cmd/cmd.h"
#include "cmd/index.h"
#include "cmd/models.h"

#define SOURCE_LINES 4u /* of a post under the answer */

typedef struct options {
    const char *data, *before, *model;
    bool json;
} options;

static void put_post(mn_json_writer *w, const mn_post *p)
{
    char url[128];
    snprintf(url, sizeof url, "/@%.*s/%llu", MN_STR_FMT(p->account_name),
             (unsigned long long)p->id);
    mn_jw_object(w);
    mn_jw_kid(w, "id", p->id);
    mn_jw_kstr(w, "author", p->account_name);
    mn_jw_key(w, "created_at");
    mn_jw_time(w, p->created_ms);
    mn_jw_kstr(w, "text", p->text);
    mn_jw_kstrz(w, "url", url);
    mn_jw_object_end(w);
}

static size_t number_of(const mn_answer *r, uint64_t id)
{
    size_t i = 0;
    while (i < r->posts.n && r->posts.items[i].id != id) i++;
    return i + 1;
}

/* "2 accounts say this, first on 29 Jan 2011", "one account, 29 Jan 2011: unconfirmed" */
static void put_who(const mn_answer_line *l, mn_buf *out)
{
    if (l->generated) mn_buf_addz(out, "written by the model; ");
    if (l->n_accounts < 2) mn_buf_addz(out, "one account says this, ");
    else
        mn_buf_addf(out, "%zu accounts say this%s, ", l->n_accounts,
                    l->unconfirmed ? " in the same words" : "");
    mn_buf_addz(out, l->n_posts > 1 ? "first on " : "on ");
    mn_index_day(l->first_ms, out);
    if (l->unconfirmed) mn_buf_addz(out, ": unconfirmed");
    mn_buf_addc(out, '\n');
}

static void put_said(const mn_answer *r, const mn_answer_line *l, mn_arena *a, mn_buf *out)
{
    char *cites = mn_arena_alloc(a, MN_ASK_CITATIONS_MAX * 24 + 1);
    size_t n = 0;
    if (!cites) return;
    for (size_t c = 0; c < l->n_citations; c++)
        n += (size_t)snprintf(cites + n, 24, " [%zu]", number_of(r, l->citations[c]));
    size_t at = mn_index_wrap(l->text, 0, 0, 0, out);
    mn_index_wrap((mn_str){cites, n}, at, 0, 0, out);
    mn_buf_addz(out, "\n    ");
    put_who(l, out);
}

static void put_source(size_t number, const mn_post *p, mn_buf *out)
{
    size_t from = out->len;
    mn_buf_addf(out, "[%zu] @%.*s, ", number, MN_STR_FMT(p->account_name));
    mn_index_day(p->created_ms, out);
    mn_buf_addf(out, ", /@%.*s/%llu", MN_STR_FMT(p->account_name), (unsigned long long)p->id);
    if (out->len - from > 80) out->len = from; /* a long name: the address says it too */
    if (out->len == from)
        mn_buf_addf(out, "[%zu] /@%.*s/%llu", number, MN_STR_FMT(p->account_name),
                    (unsigned long long)p->id);
    mn_buf_addz(out, "\n    ");
    mn_index_wrap(p->text, 4, 4, SOURCE_LINES, out);
    mn_buf_addc(out, '\n');
}

static void put_plain(const mn_answer *r, mn_arena *a, mn_buf *out)
{
    for (size_t i = 0; i < r->n_lines; i++) put_said(r, &r->lines[i], a, out);
    if (r->posts.n) mn_buf_addc(out, '\n');
    for (size_t i = 0; i < r->posts.n; i++) put_source(i + 1, &r->posts.items[i], out);
    if (!r->found && r->withheld)
        mn_buf_addf(out,
                    "Nothing that may be quoted speaks of it. Posts that do, whose authors\n"
                    "have not allowed quoting: %zu.\n",
                    r->withheld);
    else if (!r->found) mn_buf_addz(out, "Nothing here speaks of it.\n");
}

static mn_rc load_engine(const options *o, const mn_home *h, mn_arena *a, mn_engine **ret,
                         mn_err *e)
{
    const char *dir;
    if (!o->model) return MN_OK;
    MN_TRY(mn_models_find(h->dir, o->model, a, &dir, e));
    return mn_engine_load(dir, NULL, ret, e);
}

static mn_rc run(const options *o, mn_str question, mn_err *e)
{
    mn_home h;
    mn_search *x = NULL;
    mn_engine *g = NULL;
    mn_arena a;
    mn_buf out;
    mn_answer r = {0};
    mn_ask_opts ask = {0};
    MN_TRY(mn_index_before(o->before, &ask.before, e));
    MN_TRY(mn_home_open(o->data, &h, e));
    mn_arena_init(&a, 0);
    mn_buf_init(&out, 0);
    mn_rc rc = load_engine(o, &h, &a, &g, e);
    ask.engine = g;
    if (rc == MN_OK) rc = mn_index_open(&h, &x, e);
    if (rc == MN_OK) rc = mn_ask(x, h.store, question, &ask, &a, &r, e);
    if (rc == MN_OK && o->json) {
        mn_json_writer w;
        mn_json_writer_init(&w, &out, 0);
        mn_answer_write(&r, &w, put_post);
        mn_buf_addc(&out, '\n');
    } else if (rc == MN_OK) put_plain(&r, &a, &out);
    if (rc == MN_OK && out.failed) rc = mn_fail(e, out.failed, "no memory for the answer");
    if (rc == MN_OK) {
        fwrite(out.ptr, 1, out.len, stdout);
        if (fflush(stdout)) rc = mn_fail_errno(e, MN_E_IO, "cannot write to stdout");
    }
    mn_search_close(x);
    mn_engine_free(g);
    mn_buf_release(&out);
    mn_arena_release(&a);
    mn_home_close(&h);
    return rc;
}

int mn_cmd_ask(int argc, char **argv)
{
    options o = {0};
    mn_err e = {0};
    mn_arena a;
    mn_str question = MN_STR_NONE;
    int n_pos = 0;
    const mn_opt opts[] = {
        {"before", 0, MN_OPT_STR, &o.before, "ID", "only posts up to this id"},
        {"model", 'm', MN_OPT_STR, &o.model, "MODEL",
         "let this model add a sentence, shown only if a quoted post says all of it"},
        MN_CMD_OPT_DATA(&o.data),
        MN_CMD_OPT_JSON(&o.json,
                        "one object {\"found\",\"answer\",\"posts\",\"withheld\",\"took_ms\"}"),
        {0},
    };
    const mn_usage u = {
        "ask", "QUESTION [--before ID] [--model MODEL]",
        "Answers in the words of posts, each sentence with the posts it stands on, or says "
        "that\n"
        "nothing here speaks of it. Quotes only authors who allow it (inference_input).",
        "mynah ask \"When does the harbour bridge open again?\""};
    mn_arena_init(&a, 0);
    mn_rc rc = mn_args_parse(argc, argv, &u, opts, &n_pos, &e);
    if (rc == MN_OK && o.json) mn_progress_disable();
    if (rc == MN_OK) rc = mn_index_words(n_pos, argv, "a question", &a, &question, &e);
    if (rc == MN_OK) rc = run(&o, question, &e);
    mn_arena_release(&a);
    return rc == MN_OK ? 0 : mn_cmd_failed("ask", &e, o.json);
}
