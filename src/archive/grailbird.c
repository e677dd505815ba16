/* X's older archive (until 2018), called Grailbird after the page it brought along: data/js/tweets/YYYY_MM.js, each with
 * one list of tweets of a month, newest first; data/js/tweet_index.js names the months, user_details.js the account. The
 * tweets have the same origins as in the newer archive, so that a person who has both gets each tweet once. */
#include "archive/archive_int.h"

#include <string.h>

typedef struct grailbird {
    mn_feed *f;
    const mn_json *index; /* or NULL */
    mn_profile profile;
} grailbird;

static mn_rc read_user(grailbird *g, mn_str name, mn_err *e)
{
    mn_json *u;
    MN_TRY(mn_feed_script(g->f, name, &u, e));
    mn_profile *p = &g->profile;
    p->name = mn_json_str(mn_json_get(u, "screen_name"));
    p->display = mn_json_str(mn_json_get(u, "full_name"));
    p->bio = mn_json_str(mn_json_get(u, "bio"));
    const mn_json *id = mn_json_get(u, "id");
    if (id && id->text.len) p->origin = mn_str_fmt(&g->f->keep, "x:%.*s", MN_STR_FMT(id->text));
    if (mn_x_time(mn_json_str(mn_json_get(u, "created_at")), &p->created_ms) != MN_OK)
        p->created_ms = 0;
    return MN_OK;
}

static mn_rc look_around(grailbird *g, mn_err *e)
{
    mn_str name;
    bool more = true;
    for (;;) {
        MN_TRY(mn_source_next(g->f->src, &name, &more, e));
        if (!more) return mn_source_rewind(g->f->src, e);
        mn_json *index;
        if (mn_feed_at(g->f, name, "data/js/user_details.js")) {
            MN_TRY(read_user(g, name, e));
        } else if (mn_feed_at(g->f, name, "data/js/tweet_index.js")) {
            MN_TRY(mn_feed_script(g->f, name, &index, e));
            g->index = index;
        }
    }
}

/* A month: named by the index where there is one, else any YYYY_MM.js in its folder. */
static bool is_month(const grailbird *g, mn_str name)
{
    mn_str root = g->f->root;
    if (mn_source_kind_of(g->f->src) == MN_SOURCE_FILE) return true;
    if (name.len <= root.len || memcmp(name.ptr, root.ptr, root.len) != 0) return false;
    mn_str rest = mn_str_sub(name, root.len, SIZE_MAX);
    for (size_t i = 0; g->index && i < g->index->n; i++)
        if (mn_str_eq(rest, mn_json_str(mn_json_get(g->index->items[i], "file_name"))))
            return true;
    if (g->index || !mn_str_starts(rest, "data/js/tweets/")) return false;
    rest = mn_str_sub(rest, 15, SIZE_MAX);
    return rest.len == 10 && rest.ptr[4] == '_' && mn_str_ends(rest, ".js");
}

static mn_rc on_tweet(grailbird *g, mn_str element, mn_err *e)
{
    mn_json *t;
    mn_arena_reset(&g->f->item);
    MN_TRY(mn_json_parse(element, &g->f->item, &t, e));
    const mn_json *user = mn_json_get(t, "user");
    bool guarded = mn_json_bool(mn_json_get(user, "protected"), false);
    mn_tweet_rules rules = {.profile = &g->profile,
                            .visibility = guarded ? MN_VIS_FOLLOWERS : MN_VIS_PUBLIC};
    return mn_feed_tweet(g->f, t, &rules, e);
}

static mn_rc read_month(grailbird *g, mn_str name, mn_err *e)
{
    mn_window w;
    mn_str element;
    bool more = true;
    mn_feed_window(g->f, &w, name.ptr, MN_ITEM_MAX);
    mn_rc rc = mn_window_array(&w, NULL, NULL, e);
    for (uint64_t n = 1; rc == MN_OK; n++) {
        if ((rc = mn_window_element(&w, &element, &more, e)) != MN_OK || !more) break;
        rc = on_tweet(g, element, e);
        if (rc == MN_E_PARSE || rc == MN_E_LIMIT)
            rc = mn_err_wrap(e, "'%s', item %llu (line %llu)", name.ptr, (unsigned long long)n,
                             (unsigned long long)w.line);
    }
    mn_window_release(&w);
    return rc;
}

mn_rc mn_read_grailbird(mn_feed *f, mn_err *e)
{
    mn_str name;
    bool more = true;
    grailbird *g =
        mn_arena_calloc(&f->keep, 1, sizeof *g); /* items in flight point to the profile */
    if (!g) return mn_fail(e, MN_E_NOMEM, "no memory to read the archive");
    f->origin = "x";
    g->f = f;
    MN_TRY(look_around(g, e));
    if (!g->profile.name.len) g->profile.name = MN_STR("x");
    if (!g->profile.origin.len) g->profile.origin = MN_STR("x:");
    for (;;) {
        MN_TRY(mn_source_next(f->src, &name, &more, e));
        if (!more) return MN_OK;
        if (is_month(g, name)) MN_TRY(read_month(g, name, e));
    }
}
