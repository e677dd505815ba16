/* Filters as entities, and the `filtered` of a status. */
#include "api/mastodon/filters.h"
#include "base/clock.h"
#include "store/media.h"
#include "store/polls.h"

const char *const mn_masto__contexts[] = {"home", "notifications", "public", "thread",
                                          "account"};
static const char *const actions[] = {
    [MN_FILTER_WARN] = "warn", [MN_FILTER_HIDE] = "hide", [MN_FILTER_BLUR] = "blur"};

void mn_masto__context_write(unsigned context, mn_json_writer *j)
{
    mn_jw_key(j, "context");
    mn_jw_array(j);
    for (unsigned i = 0; i < MN_MASTO_CONTEXTS; i++)
        if (context >> i & 1) mn_jw_strz(j, mn_masto__contexts[i]);
    mn_jw_array_end(j);
}

void mn_masto__expires_write(int64_t expires_ms, mn_json_writer *j)
{
    mn_jw_key(j, "expires_at");
    if (expires_ms) mn_jw_time(j, expires_ms);
    else mn_jw_null(j);
}

bool mn_masto__action_parse(mn_str s, mn_filter_action *ret)
{
    for (size_t i = 0; i < sizeof actions / sizeof *actions; i++)
        if (mn_str_eqz(s, actions[i])) {
            *ret = (mn_filter_action)i;
            return true;
        }
    return false;
}

void mn_masto__keyword_write(const mn_filter_keyword *k, mn_json_writer *j)
{
    mn_jw_object(j);
    mn_jw_kid(j, "id", k->id);
    mn_jw_kstr(j, "keyword", k->keyword);
    mn_jw_kbool(j, "whole_word", k->whole_word);
    mn_jw_object_end(j);
}

void mn_masto__filter_post_write(const mn_filter_post *p, mn_json_writer *j)
{
    mn_jw_object(j);
    mn_jw_kid(j, "id", p->id);
    mn_jw_kid(j, "status_id", p->post_id);
    mn_jw_object_end(j);
}

void mn_masto__filter_write(const mn_filter *f, bool whole, mn_json_writer *j)
{
    mn_jw_object(j);
    mn_jw_kid(j, "id", f->id);
    mn_jw_kstr(j, "title", f->title);
    mn_masto__context_write(f->context, j);
    mn_masto__expires_write(f->expires_ms, j);
    mn_jw_kstrz(j, "filter_action", actions[f->action]);
    if (whole) {
        mn_jw_key(j, "keywords");
        mn_jw_array(j);
        for (size_t i = 0; i < f->n_keywords; i++) mn_masto__keyword_write(&f->keywords[i], j);
        mn_jw_array_end(j);
        mn_jw_key(j, "statuses");
        mn_jw_array(j);
        for (size_t i = 0; i < f->n_posts; i++) mn_masto__filter_post_write(&f->posts[i], j);
        mn_jw_array_end(j);
    }
    mn_jw_object_end(j);
}

/* ---- filtered --------------------------------------------------------------------------------------------------------- */

typedef struct texts {
    mn_str *items;
    size_t n;
} texts;

/* What people read of a post: warning, text, poll, descriptions of pictures. */
static mn_rc gather(const mn_view *v, const mn_post *p, texts *ret, mn_err *e)
{
    mn_store *s = v->api->home->store;
    mn_media *media = NULL;
    mn_poll poll = {0};
    size_t n_media = 0;
    if (p->n_media) MN_TRY(mn_store_media_of(s, p->id, v->arena, &media, &n_media, e));
    if (p->poll_id) {
        mn_rc rc = mn_store_poll(s, p->poll_id, v->arena, &poll, e);
        if (rc != MN_OK && rc != MN_E_NOT_FOUND) return rc;
    }
    mn_str *all = mn_arena_alloc(v->arena, (2 + n_media + poll.n_options) * sizeof *all);
    if (!all) return mn_fail(e, MN_E_NOMEM, "out of memory for filters");
    size_t n = 0;
    all[n++] = p->warning;
    all[n++] = p->text;
    for (size_t i = 0; i < n_media; i++) all[n++] = media[i].alt;
    for (size_t i = 0; i < poll.n_options; i++) all[n++] = poll.options[i].title;
    *ret = (texts){all, n};
    return MN_OK;
}

static void write_match(const mn_filter_match *m, uint64_t post, mn_json_writer *j)
{
    mn_jw_object(j);
    mn_jw_key(j, "filter");
    mn_masto__filter_write(m->filter, false, j);
    mn_jw_key(j, "keyword_matches");
    mn_jw_array(j);
    for (size_t i = 0; i < m->n_keywords; i++) mn_jw_str(j, m->keywords[i]);
    mn_jw_array_end(j);
    mn_jw_key(j, "status_matches");
    mn_jw_array(j);
    if (m->post) mn_jw_id(j, post);
    mn_jw_array_end(j);
    mn_jw_object_end(j);
}

/* p is what people read: of a boost, the boosted post. */
static mn_rc match(const mn_view *v, const mn_filter_set *set, const mn_post *p,
                   mn_filter_context where, mn_json_writer *j, bool *ret_hide, mn_err *e)
{
    texts t = {0};
    mn_filter_match *m = NULL;
    size_t n = 0;
    if (mn_filter_set_has_words(set)) MN_TRY(gather(v, p, &t, e));
    MN_TRY(mn_filter_set_match(set, p->id, t.items, t.n, mn_now_ms(), v->arena, &m, &n, e));
    for (size_t i = 0; i < n; i++) {
        write_match(&m[i], p->id, j);
        *ret_hide |=
            m[i].filter->action == MN_FILTER_HIDE && (m[i].filter->context & (unsigned)where);
    }
    return MN_OK;
}

static mn_rc match_whole(const mn_view *v, const mn_filter_set *set, const mn_post *p,
                         mn_filter_context where, mn_json_writer *j, bool *ret_hide, mn_err *e)
{
    mn_post boosted;
    if (mn_filter_set_empty(set)) return MN_OK;
    if (!p->boost_of) return match(v, set, p, where, j, ret_hide, e);
    mn_rc rc = mn_store_post(v->api->home->store, p->boost_of, v->arena, &boosted, e);
    if (rc == MN_OK) rc = match(v, set, &boosted, where, j, ret_hide, e);
    return rc == MN_E_NOT_FOUND ? MN_OK : rc;
}

mn_rc mn_entity_filtered(const mn_view *v, const mn_post *p, mn_filter_context where,
                         mn_json_writer *j, bool *ret_hide, mn_err *e)
{
    mn_filter_set *set = NULL;
    bool hide = false;
    mn_rc rc = MN_OK;
    mn_jw_array(j);
    if (v->me) rc = mn_filters_take(v->api->filters, v->me, &set, e);
    if (rc == MN_OK && set) rc = match_whole(v, set, p, where, j, &hide, e);
    mn_filter_set_done(set);
    mn_jw_array_end(j);
    if (rc == MN_OK) *ret_hide = hide;
    return rc;
}
