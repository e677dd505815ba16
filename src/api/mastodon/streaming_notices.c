/* Announcements, to everybody on a user stream: new or changed, gone, reacted to.
 *
 * The store says that an announcement's reactions have changed, not which; what was told last is remembered, and what is
 * different now is told. Counts are absolute, so telling one twice does no harm: that is what happens to those given
 * before the hub started. */
#include <stdio.h>
#include <string.h>

#include "api/mastodon/reports.h"
#include "api/mastodon/streaming_int.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "store/moderation.h"

#define SEEN_MAX 1024

struct mn_reaction_seen {
    uint64_t announcement, name; /* name: a hash */
    uint64_t n;
    char text[64]; /* for telling that it is gone; a longer name is cut and then not told */
};

static void to_all(mn_streaming *h, mn_news *n)
{
    mn_sub *ring = &h->channels[MN_CH_USER];
    for (mn_sub *s = ring->next; n && s != ring; s = s->next) mn_news_send(h, n, s);
}

static void log_failure(mn_rc rc, const mn_err *e)
{
    if (rc != MN_OK && rc != MN_E_NOT_FOUND) mn_error("streams", "an announcement: %s", e->msg);
}

/* ---- new, changed, gone -------------------------------------------------------------------------------------------- */

/* Only what is published and runs: a draft is nobody's news. */
static mn_rc write_announcement(mn_streaming *h, uint64_t id, mn_json_writer *j, mn_err *e)
{
    mn_announcement *all = NULL;
    mn_reaction *r = NULL;
    size_t n = 0, n_r = 0;
    mn_store *s = h->api->home->store;
    mn_view v = {.api = h->api, .arena = &h->arena};
    MN_TRY(mn_store_announcements(s, 0, mn_now_ms(), &h->arena, &all, &n, e));
    MN_TRY(mn_store_reactions(s, 0, &h->arena, &r, &n_r, e));
    for (size_t i = 0; i < n; i++)
        if (all[i].id == id) return mn_entity_announcement(&v, &all[i], r, n_r, j, e);
    return MN_E_NOT_FOUND;
}

static void tell_announcement(mn_streaming *h, uint64_t id)
{
    mn_buf b;
    mn_err e = {0};
    mn_json_writer j;
    mn_buf_init(&b, 1u << 20);
    mn_json_writer_init(&j, &b, 0);
    mn_rc rc = write_announcement(h, id, &j, &e);
    if (rc == MN_OK && !b.failed) {
        mn_str payload = mn_str_dup(&h->arena, mn_buf_str(&b));
        if (payload.ptr) to_all(h, mn_news_new(h, "announcement", payload));
    }
    log_failure(rc, &e);
    mn_buf_release(&b);
}

static void tell_gone(mn_streaming *h, uint64_t id)
{
    mn_str text = mn_str_fmt(&h->arena, "%llu", (unsigned long long)id);
    if (text.ptr) to_all(h, mn_news_new(h, "announcement.delete", text));
}

/* ---- reactions ------------------------------------------------------------------------------------------------------- */

static void tell_reaction(mn_streaming *h, uint64_t id, mn_str name, uint64_t n)
{
    mn_buf b;
    mn_json_writer j;
    mn_buf_init(&b, 4096);
    mn_json_writer_init(&j, &b, 0);
    mn_jw_object(&j);
    mn_jw_kstr(&j, "name", name);
    mn_jw_ku64(&j, "count", n);
    mn_jw_kid(&j, "announcement_id", id);
    mn_jw_object_end(&j);
    mn_str payload = b.failed ? MN_STR_NONE : mn_str_dup(&h->arena, mn_buf_str(&b));
    if (payload.ptr) to_all(h, mn_news_new(h, "announcement.reaction", payload));
    mn_buf_release(&b);
}

static struct mn_reaction_seen *seen_of(mn_streaming *h, uint64_t id, mn_str name)
{
    uint64_t hash = mn_hash64(name.ptr, name.len, 0);
    for (size_t i = 0; i < h->n_reactions; i++)
        if (h->reactions[i].announcement == id && h->reactions[i].name == hash)
            return &h->reactions[i];
    return NULL;
}

static void remember(mn_streaming *h, uint64_t id, mn_str name, uint64_t n)
{
    struct mn_reaction_seen *s = seen_of(h, id, name);
    if (!s && !h->reactions) h->reactions = mn_calloc(SEEN_MAX, sizeof *s);
    if (!s && h->reactions && h->n_reactions < SEEN_MAX) {
        s = &h->reactions[h->n_reactions++];
        *s = (struct mn_reaction_seen){.announcement = id,
                                       .name = mn_hash64(name.ptr, name.len, 0)};
        if (name.len < sizeof s->text) memcpy(s->text, name.ptr, name.len);
    }
    if (s) s->n = n;
}

static bool is_there(const mn_reaction *all, size_t n, const struct mn_reaction_seen *s)
{
    for (size_t i = 0; i < n; i++)
        if (all[i].announcement_id == s->announcement &&
            mn_hash64(all[i].name.ptr, all[i].name.len, 0) == s->name)
            return true;
    return false;
}

static void forget_missing(mn_streaming *h, uint64_t id, const mn_reaction *all, size_t n)
{
    for (size_t i = 0; i < h->n_reactions;) {
        struct mn_reaction_seen *s = &h->reactions[i];
        if (s->announcement != id || is_there(all, n, s)) {
            i++;
            continue;
        }
        if (s->text[0]) tell_reaction(h, id, mn_str_from(s->text), 0);
        *s = h->reactions[--h->n_reactions];
    }
}

static void tell_reactions(mn_streaming *h, uint64_t id)
{
    mn_reaction *all = NULL;
    size_t n = 0;
    mn_err e = {0};
    mn_rc rc = mn_store_reactions(h->api->home->store, 0, &h->arena, &all, &n, &e);
    log_failure(rc, &e);
    if (rc != MN_OK) return;
    forget_missing(h, id, all, n);
    for (size_t i = 0; i < n; i++) {
        if (all[i].announcement_id != id) continue;
        struct mn_reaction_seen *s = seen_of(h, id, all[i].name);
        if (!s || s->n != all[i].n) tell_reaction(h, id, all[i].name, all[i].n);
        remember(h, id, all[i].name, all[i].n);
    }
}

void mn_streaming__announcement(mn_streaming *h, const mn_event *ev)
{
    if (ev->other == 0) tell_announcement(h, ev->id);
    if (ev->other == 1) tell_gone(h, ev->id);
    if (ev->other == 2) tell_reactions(h, ev->id);
}
