/* mynah ask: an answer made of posts, with the posts it stands on, or the plain word that there is none. */
#include "mind/ask.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/progress.h"
#include "cmd/cmd.h"
#include "cmd/index.h"
#include "cmd/models.h"

#define LINE_BYTES 300u

typedef struct options {
    const char *data, *before, *model;
    bool json;
} options;

static void put_line(mn_json_writer *w, const mn_answer_line *l)
{
    mn_jw_object(w);
    mn_jw_kstr(w, "text", l->text);
    mn_jw_key(w, "citations");
    mn_jw_array(w);
    for (size_t i = 0; i < l->n_citations; i++) mn_jw_id(w, l->citations[i]);
    mn_jw_array_end(w);
    mn_jw_ku64(w, "said_in", l->n_posts);
    mn_jw_ku64(w, "said_by", l->n_accounts);
    mn_jw_key(w, "first_at");
    mn_jw_time(w, l->first_ms);
    mn_jw_kbool(w, "unconfirmed", l->unconfirmed);
    mn_jw_kbool(w, "generated", l->generated);
    mn_jw_object_end(w);
}

static void put_post(mn_json_writer *w, const mn_post *p, mn_arena *a)
{
    mn_jw_object(w);
    mn_jw_kid(w, "id", p->id);
    mn_jw_kstr(w, "author", p->account_name);
    mn_jw_key(w, "created_at");
    mn_jw_time(w, p->created_ms);
    mn_jw_kstr(w, "text", p->text);
    mn_jw_kstr(
        w, "url",
        mn_str_fmt(a, "/@%.*s/%llu", MN_STR_FMT(p->account_name), (unsigned long long)p->id));
    mn_jw_object_end(w);
}

static void put_json(const mn_answer *r, mn_arena *a, mn_buf *out)
{
    mn_json_writer w;
    mn_json_writer_init(&w, out, 0);
    mn_jw_object(&w);
    mn_jw_kbool(&w, "found", r->found);
    mn_jw_key(&w, "answer");
    mn_jw_array(&w);
    for (size_t i = 0; i < r->n_lines; i++) put_line(&w, &r->lines[i]);
    mn_jw_array_end(&w);
    mn_jw_key(&w, "posts");
    mn_jw_array(&w);
    for (size_t i = 0; i < r->posts.n; i++) put_post(&w, &r->posts.items[i], a);
    mn_jw_array_end(&w);
    mn_jw_ku64(&w, "withheld", r->withheld);
    mn_jw_kf64(&w, "took_ms", r->took_ms);
    mn_jw_object_end(&w);
    mn_buf_addc(out, '\n');
}

static size_t number_of(const mn_answer *r, uint64_t id)
{
    size_t i = 0;
    while (i < r->posts.n && r->posts.items[i].id != id) i++;
    return i + 1;
}

static void put_plain(const mn_answer *r, mn_buf *out)
{
    char at[MN_TIME_MAX];
    for (size_t i = 0; i < r->n_lines; i++) {
        const mn_answer_line *l = &r->lines[i];
        mn_index_one_line(l->text, SIZE_MAX, out);
        for (size_t c = 0; c < l->n_citations; c++)
            mn_buf_addf(out, " [%zu]", number_of(r, l->citations[c]));
        if (l->generated) mn_buf_addz(out, " (written by the model)");
        else if (l->unconfirmed)
            mn_buf_addf(out, " (unconfirmed: %zu account%s)", l->n_accounts,
                        l->n_accounts == 1 ? "" : "s");
        else mn_buf_addf(out, " (%zu people said this)", l->n_accounts);
        mn_buf_addc(out, '\n');
    }
    if (r->posts.n) mn_buf_addc(out, '\n');
    for (size_t i = 0; i < r->posts.n; i++) {
        const mn_post *p = &r->posts.items[i];
        mn_buf_addf(out, "[%zu] @%.*s, %s, /@%.*s/%llu\n    ", i + 1,
                    MN_STR_FMT(p->account_name), mn_time_format(p->created_ms, at),
                    MN_STR_FMT(p->account_name), (unsigned long long)p->id);
        mn_index_one_line(p->text, LINE_BYTES, out);
        mn_buf_addc(out, '\n');
    }
    if (!r->found && r->withheld)
        mn_buf_addf(out,
                    "Nothing that may be quoted speaks of it. Posts that do, whose authors "
                    "have not allowed "
                    "quoting: %zu.\n",
                    r->withheld);
    else if (!r->found) mn_buf_addz(out, "Nothing here speaks of it.\n");
}

static mn_rc load_engine(const options *o, const mn_home *h, mn_arena *a, mn_engine **ret,
                         mn_err *e)
{
    const char *dir;
    if (!o->model) return MN_OK;
    MN_TRY(mn_models_find(h->dir, o->model, a, &dir, e));
    return mn_engine_load(dir, 0, ret, e);
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
    if (rc == MN_OK && o->json) put_json(&r, &a, &out);
    else if (rc == MN_OK) put_plain(&r, &out);
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
        {"data", 0, MN_OPT_STR, &o.data, "DIR", "data folder"},
        {"json", 0, MN_OPT_FLAG, &o.json, NULL,
         "one object {\"found\",\"answer\",\"posts\",\"withheld\",\"took_ms\"}"},
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
