/* mynah search: the posts that match best, best first. */
#include <stdio.h>

#include "base/json.h"
#include "base/progress.h"
#include "cmd/cmd.h"
#include "cmd/index.h"

#define PAGE       1000u
#define TEXT_LINES 3u /* of a post */

typedef struct options {
    const char *data, *before;
    uint64_t limit;
    bool expand, json;
} options;

static void print_hit(const mn_hit *h, const mn_post *p, bool json, mn_buf *out)
{
    mn_json_writer w;
    if (json) {
        mn_json_writer_init(&w, out, 0);
        mn_jw_object(&w);
        mn_jw_kid(&w, "id", h->id);
        mn_jw_kf64(&w, "score", h->score);
        mn_jw_object_end(&w);
    } else {
        mn_buf_addf(out, "%llu  %5.2f  @%.*s, ", (unsigned long long)h->id, h->score,
                    MN_STR_FMT(p->account_name));
        mn_index_day(p->created_ms, out);
        mn_buf_addz(out, "\n    ");
        mn_index_wrap(p->text, 4, 4, TEXT_LINES, out);
    }
    mn_buf_addc(out, '\n');
}

/* The store has the last word on what may be seen: the index may be behind it when a server keeps it. */
static mn_rc print_page(mn_store *s, const mn_hit *hits, size_t n, bool json, mn_buf *out,
                        mn_err *e)
{
    mn_arena a;
    mn_posts posts;
    uint64_t ids[PAGE];
    size_t k = 0;
    mn_arena_init(&a, 0);
    for (size_t i = 0; i < n; i++) ids[i] = hits[i].id;
    mn_rc rc = mn_store_posts_by_ids(s, ids, n, &a, &posts, e);
    for (size_t i = 0; rc == MN_OK && i < n && k < posts.n; i++) {
        bool seen = false;
        if (posts.items[k].id != hits[i].id) continue; /* gone */
        rc = mn_social_may_see(s, &posts.items[k], 0, &seen, e);
        if (rc == MN_OK && seen) print_hit(&hits[i], &posts.items[k], json, out);
        k++;
    }
    mn_arena_release(&a);
    return rc;
}

static mn_rc run(const options *o, mn_str query, mn_err *e)
{
    mn_home h;
    mn_search *x = NULL;
    mn_arena a;
    mn_buf out;
    mn_hit *hits = NULL;
    size_t n = 0;
    mn_query_opts q = {.limit = (size_t)o->limit, .expand = o->expand};
    MN_TRY(mn_index_before(o->before, &q.before, e));
    MN_TRY(mn_home_open(o->data, &h, e));
    mn_arena_init(&a, 0);
    mn_buf_init(&out, 0);
    mn_rc rc = mn_index_open(&h, &x, e);
    if (rc == MN_OK) rc = mn_search_query(x, query, &q, &a, &hits, &n, e);
    for (size_t i = 0; rc == MN_OK && i < n; i += PAGE)
        rc = print_page(h.store, hits + i, n - i < PAGE ? n - i : PAGE, o->json, &out, e);
    if (rc == MN_OK && out.failed) rc = mn_fail(e, out.failed, "no memory for the results");
    if (rc == MN_OK && out.len) {
        fwrite(out.ptr, 1, out.len, stdout);
        if (fflush(stdout)) rc = mn_fail_errno(e, MN_E_IO, "cannot write to stdout");
    }
    if (rc == MN_OK && out.len == 0 && !o->json) fputs("nothing found\n", stderr);
    mn_search_close(x);
    mn_buf_release(&out);
    mn_arena_release(&a);
    mn_home_close(&h);
    return rc;
}

int mn_cmd_search(int argc, char **argv)
{
    options o = {.limit = 20};
    mn_err e = {0};
    mn_arena a;
    mn_str query = MN_STR_NONE;
    int n_pos = 0;
    const mn_opt opts[] = {
        {"before", 0, MN_OPT_STR, &o.before, "ID", "only posts up to this id"},
        {"limit", 'n', MN_OPT_U64, &o.limit, "K", "at most K posts (20; up to 10000)"},
        {"expand", 'x', MN_OPT_FLAG, &o.expand, NULL,
         "also look for words that the best posts share"},
        MN_CMD_OPT_DATA(&o.data),
        MN_CMD_OPT_JSON(&o.json, "lines {\"id\",\"score\"}"),
        {0},
    };
    const mn_usage u = {"search", "QUERY [--before ID] [--limit K] [--expand]",
                        "Posts that match any word of the query, best first (BM25). Only what "
                        "everybody may see\n"
                        "and whose authors allow to be searched.",
                        "mynah search harbour bridge --limit 5"};
    mn_arena_init(&a, 0);
    mn_rc rc = mn_args_parse(argc, argv, &u, opts, &n_pos, &e);
    if (rc == MN_OK && o.json) mn_progress_disable();
    if (rc == MN_OK && (o.limit == 0 || o.limit > MN_SEARCH_LIMIT_MAX))
        rc = mn_fail(&e, MN_E_USAGE, "--limit must be 1 to %d", MN_SEARCH_LIMIT_MAX);
    if (rc == MN_OK) rc = mn_index_words(n_pos, argv, "a query", &a, &query, &e);
    if (rc == MN_OK) rc = run(&o, query, &e);
    mn_arena_release(&a);
    return rc == MN_OK ? 0 : mn_cmd_failed("search", &e, o.json);
}
