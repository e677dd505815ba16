/* Search and ask as JSON. */
#include "api/api_int.h"

#define SEARCH_MOST 100

void mn_api__search_get(mn_req *r, mn_resp *w)
{
    mn_api *a = r->app;
    mn_err e = {0};
    mn_search *x = mn_api_search(a);
    mn_str q = mn_str_trim(mn_req_query(r, "q"));
    mn_hit *hits = NULL;
    size_t n = 0;
    uint64_t before, limit;
    if (!mn_api__id_query(r, w, "before", &before) ||
        !mn_api__number_query(r, w, "limit", 1, SEARCH_MOST, 20, &limit))
        return;
    if (q.len == 0 || q.len > MN_QUESTION_MAX) {
        mn_resp_error(r, w, 400, "q should hold 1 to 300 characters to search for");
        return;
    }
    if (!x) {
        mn_resp_header(w, "Retry-After", MN_STR("5"));
        mn_resp_error(r, w, 503, "the search index is being opened; try again in a moment");
        return;
    }
    mn_query_opts o = {.before = before, .limit = limit};
    mn_posts posts = {0};
    mn_rc rc = mn_search_query(x, q, &o, r->arena, &hits, &n, &e);
    uint64_t *ids = rc == MN_OK ? mn_arena_calloc(r->arena, n + 1, sizeof *ids) : NULL;
    for (size_t i = 0; ids && i < n; i++) ids[i] = hits[i].id;
    if (ids) rc = mn_store_posts_by_ids(a->home->store, ids, n, r->arena, &posts, &e);
    if (rc != MN_OK || !ids) {
        mn_api__failed(r, w, &e);
        return;
    }
    mn_json_writer j = mn_api__json(w);
    mn_jw_object(&j);
    mn_jw_key(&j, "posts");
    mn_jw_array(&j);
    for (size_t i = 0; i < posts.n; i++) {
        bool ok = false;
        if (mn_social_may_see(a->home->store, &posts.items[i], 0, &ok, &e) != MN_OK || !ok)
            continue;
        mn_api__post_json(&j, &posts.items[i]);
        mn_api__read(r, 1);
    }
    mn_jw_array_end(&j);
    mn_jw_object_end(&j);
}

static void answer_question(mn_req *r, mn_resp *w, mn_str question)
{
    mn_err e = {0};
    mn_answer answer = {0};
    uint64_t before;
    question = mn_str_trim(question);
    if (!mn_api__id_query(r, w, "before", &before)) return;
    if (question.len == 0 || question.len > MN_QUESTION_MAX) {
        mn_resp_error(r, w, 400, "the question should have 1 to 300 characters");
        return;
    }
    mn_rc rc = mn_api_ask(r->app, question, before, r->arena, &answer, &e);
    if (rc != MN_OK) {
        mn_api__failed(r, w, &e);
        return;
    }
    mn_json_writer j = mn_api__json(w);
    mn_answer_write(&answer, &j, mn_api__post_json);
}

void mn_api__ask_get(mn_req *r, mn_resp *w)
{
    answer_question(r, w, mn_req_query(r, "q"));
}

void mn_api__ask_post(mn_req *r, mn_resp *w)
{
    mn_err e = {0};
    mn_json *doc = NULL;
    if (mn_json_parse(r->body, r->arena, &doc, &e) != MN_OK) {
        mn_resp_error(r, w, 400, "the body should be JSON such as {\"question\": \"…\"}: %s",
                      e.msg);
        return;
    }
    mn_str q = mn_json_str(mn_json_get(doc, "question"));
    answer_question(r, w, q.ptr ? q : MN_STR(""));
}
