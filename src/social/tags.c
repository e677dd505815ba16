/* Hashtags in texts, and what members do with tags. */
#include "social/tags.h"

#include "store/tags.h"
#include "text/html.h"
#include "text/unicode.h"

#define SPANS_MAX    1024
#define FEATURED_MAX 10

/* ---- names ---------------------------------------------------------------------------------------------------------- */

static mn_str without_mark(mn_str s)
{
    if (s.len && s.ptr[0] == '#') return mn_str_sub(s, 1, SIZE_MAX);
    if (s.len >= 3 && !memcmp(s.ptr, "\uff03", 3)) return mn_str_sub(s, 3, SIZE_MAX);
    return s;
}

/* The same rules that find a tag in a text: "#" and the name are one tag and nothing else. */
static bool is_name(mn_str name, mn_arena *ar)
{
    mn_link_span span;
    mn_str text = mn_str_fmt(ar, "#%.*s", MN_STR_FMT(name));
    if (!text.ptr || name.len > MN_TAG_NAME_MAX || !mn_utf8_valid(name)) return false;
    return mn_text_links(text, &span, 1) == 1 && span.kind == '#' && span.start == 0 &&
           span.len == text.len;
}

static mn_str plain(mn_str name, mn_arena *ar)
{
    mn_buf b;
    mn_str ret = MN_STR_NONE;
    mn_buf_init(&b, MN_TAG_NAME_MAX);
    if (mn_uplain(name, &b) == MN_OK && b.len) ret = mn_str_dup(ar, mn_buf_str(&b));
    mn_buf_release(&b);
    return ret;
}

mn_str mn_social_tag_key(mn_str name, mn_arena *ar)
{
    name = without_mark(name);
    return is_name(name, ar) ? plain(name, ar) : MN_STR_NONE;
}

/* ---- tags of a post --------------------------------------------------------------------------------------------------- */

typedef struct found {
    mn_str keys[MN_POST_TAGS_MAX], displays[MN_POST_TAGS_MAX];
    size_t n;
} found;

static bool may_hold_tags(mn_str text)
{
    return text.len &&
           (memchr(text.ptr, '#', text.len) || memmem(text.ptr, text.len, "\uff03", 3));
}

static void add_found(found *f, mn_str name, mn_arena *ar)
{
    mn_str key = name.len <= MN_TAG_NAME_MAX ? plain(name, ar) : MN_STR_NONE;
    if (!key.len || f->n == MN_POST_TAGS_MAX) return;
    for (size_t i = 0; i < f->n; i++)
        if (mn_str_eq(f->keys[i], key)) return;
    f->keys[f->n] = key;
    f->displays[f->n++] = name;
}

static mn_rc find_tags(mn_str text, mn_arena *ar, found *ret, mn_err *e)
{
    mn_link_span *spans = mn_arena_alloc(ar, SPANS_MAX * sizeof *spans);
    if (!spans) return mn_fail(e, MN_E_NOMEM, "out of memory for hashtags");
    size_t n = mn_text_links(text, spans, SPANS_MAX);
    ret->n = 0;
    for (size_t i = 0; i < n; i++)
        if (spans[i].kind == '#')
            add_found(ret, without_mark(mn_str_sub(text, spans[i].start, spans[i].len)), ar);
    return MN_OK;
}

mn_rc mn_social_tags_write(mn_tx *tx, uint64_t post_id, mn_str text, bool fresh, mn_err *e)
{
    mn_arena ar;
    found f = {.n = 0};
    mn_rc rc = MN_OK;
    if (fresh && !may_hold_tags(text)) return MN_OK;
    mn_arena_init(&ar, 0);
    if (may_hold_tags(text)) rc = find_tags(text, &ar, &f, e);
    if (rc == MN_OK && (f.n || !fresh))
        rc = mn_store_post_tags_set(tx, post_id, f.keys, f.displays, f.n, fresh, e);
    mn_arena_release(&ar);
    return rc;
}

/* ---- what members do ---------------------------------------------------------------------------------------------------- */

static mn_rc no_tag(mn_err *e)
{
    return mn_fail(e, MN_E_USAGE, "Validation failed: Tag is not a valid hashtag");
}

static mn_rc follow(mn_tx *tx, uint64_t account, mn_str key, mn_str display, bool on,
                    uint64_t *ret, mn_err *e)
{
    bool changed = false;
    MN_TRY(mn_store_tag_make(tx, key, display, ret, e));
    MN_TRY(mn_store_tag_follow(tx, account, *ret, on, &changed, e));
    if (!changed) return MN_OK;
    return mn_store_event(tx, (mn_event){.kind = MN_EV_TAGS, .account = account}, e);
}

mn_rc mn_social_tag_follow(mn_store *s, uint64_t account, mn_str name, bool on,
                           uint64_t *ret_tag, mn_err *e)
{
    mn_arena ar;
    mn_tx *tx;
    uint64_t id = 0;
    mn_arena_init(&ar, 0);
    mn_str key = mn_social_tag_key(name, &ar);
    mn_rc rc = key.ptr ? mn_store_begin(s, &tx, e) : no_tag(e);
    if (rc == MN_OK)
        rc = mn_store_end(tx, follow(tx, account, key, without_mark(name), on, &id, e), e);
    mn_arena_release(&ar);
    if (rc == MN_OK) *ret_tag = id;
    return rc;
}

static mn_rc feature(mn_tx *tx, uint64_t account, mn_str key, mn_str display, uint64_t *ret,
                     mn_err *e)
{
    uint64_t tag = 0;
    MN_TRY(mn_store_tag_make(tx, key, display, &tag, e));
    MN_TRY(mn_store_featured_tag_add(tx, account, tag, FEATURED_MAX, ret, e));
    return mn_store_event(tx, (mn_event){.kind = MN_EV_ACCOUNT, .account = account}, e);
}

mn_rc mn_social_tag_feature(mn_store *s, uint64_t account, mn_str name, uint64_t *ret_id,
                            mn_err *e)
{
    mn_arena ar;
    mn_tx *tx;
    uint64_t id = 0;
    mn_arena_init(&ar, 0);
    mn_str key = mn_social_tag_key(name, &ar);
    mn_rc rc = key.ptr ? mn_store_begin(s, &tx, e) : no_tag(e);
    if (rc == MN_OK)
        rc = mn_store_end(tx, feature(tx, account, key, without_mark(name), &id, e), e);
    mn_arena_release(&ar);
    if (rc == MN_OK) *ret_id = id;
    return rc;
}

static mn_rc unfeature(mn_tx *tx, uint64_t account, uint64_t id, uint64_t tag, mn_err *e)
{
    MN_TRY(mn_store_featured_tag_remove(tx, account, id, tag, e));
    return mn_store_event(tx, (mn_event){.kind = MN_EV_ACCOUNT, .account = account}, e);
}

mn_rc mn_social_tag_unfeature(mn_store *s, uint64_t account, uint64_t id, mn_str name,
                              mn_err *e)
{
    mn_arena ar;
    mn_tx *tx;
    mn_tag tag = {0};
    mn_rc rc = MN_OK;
    mn_arena_init(&ar, 0);
    if (!id) {
        mn_str key = mn_social_tag_key(name, &ar);
        rc = key.ptr ? mn_store_tag_by_name(s, key, &ar, &tag, e) : MN_E_NOT_FOUND;
    }
    if (rc == MN_OK) rc = mn_store_begin(s, &tx, e);
    if (rc == MN_OK) rc = mn_store_end(tx, unfeature(tx, account, id, tag.id, e), e);
    mn_arena_release(&ar);
    return rc;
}
