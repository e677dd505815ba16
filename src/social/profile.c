/* The JSON in an account's row: fields of the profile, choices of its owner. We wrote it; what does not read is as if it
 * were not there, so that a damaged row costs a field and not the account. */
#include "base/json.h"
#include "social/people.h"

#define JSON_MAX (64u << 10)

/* The document, or NULL. */
static const mn_json *parse(mn_str json, mn_arena *ar)
{
    mn_json *root = NULL;
    if (json.len == 0 || mn_json_parse(json, ar, &root, NULL) != MN_OK) return NULL;
    return root;
}

static mn_str text_of(const mn_json *o, const char *key)
{
    mn_str s = mn_json_str(mn_json_get(o, key));
    return s.ptr ? s : MN_STR("");
}

/* What was written, on the arena; the absent string when there was no memory. */
static mn_str finish(mn_buf *b, mn_arena *ar)
{
    mn_str s = b->failed ? MN_STR_NONE : mn_str_dup(ar, mn_buf_str(b));
    mn_buf_release(b);
    return s;
}

/* ---- fields ------------------------------------------------------------------------------------------------------ */

size_t mn_social_fields_read(mn_str json, mn_arena *ar, mn_field ret[MN_FIELDS_MAX])
{
    const mn_json *list = parse(json, ar);
    size_t n = 0;
    for (size_t i = 0; list && list->type == MN_JSON_ARRAY && i < list->n; i++) {
        const mn_json *o = list->items[i];
        if (n == MN_FIELDS_MAX || o->type != MN_JSON_OBJECT) continue;
        ret[n++] = (mn_field){.name = text_of(o, "name"),
                              .value = text_of(o, "value"),
                              .verified_ms = mn_json_i64(mn_json_get(o, "verified_ms"), 0)};
    }
    return n;
}

mn_str mn_social_fields_write(const mn_field *f, size_t n, mn_arena *ar)
{
    mn_buf b;
    mn_json_writer j;
    if (n == 0) return MN_STR("");
    mn_buf_init(&b, JSON_MAX);
    mn_json_writer_init(&j, &b, 0);
    mn_jw_array(&j);
    for (size_t i = 0; i < n; i++) {
        mn_jw_object(&j);
        mn_jw_kstr(&j, "name", f[i].name);
        mn_jw_kstr(&j, "value", f[i].value);
        if (f[i].verified_ms) mn_jw_ki64(&j, "verified_ms", f[i].verified_ms);
        mn_jw_object_end(&j);
    }
    mn_jw_array_end(&j);
    return finish(&b, ar);
}

/* ---- choices ----------------------------------------------------------------------------------------------------- */

static const char *const privacies[] = {"public", "unlisted", "private", "direct"};
static const char *const policies[] = {"public", "followers", "nobody"};

static int one_of(mn_str s, const char *const *names, int n)
{
    for (int i = 0; i < n; i++)
        if (mn_str_eqz(s, names[i])) return i;
    return 0;
}

static void read_domains(const mn_json *list, mn_arena *ar, mn_prefs *p)
{
    if (!list || list->type != MN_JSON_ARRAY || list->n == 0) return;
    mn_str *all = mn_arena_alloc(ar, list->n * sizeof *all);
    for (size_t i = 0; all && i < list->n && p->n_attribution < MN_ATTRIBUTION_MAX; i++)
        if (list->items[i]->type == MN_JSON_STRING)
            all[p->n_attribution++] = list->items[i]->text;
    p->attribution = all;
}

mn_prefs mn_social_prefs_read(mn_str json, mn_arena *ar)
{
    const mn_json *o = parse(json, ar);
    mn_prefs p = {
        .privacy = (mn_visibility)one_of(text_of(o, "privacy"), privacies, 4),
        .sensitive = mn_json_bool(mn_json_get(o, "sensitive"), false),
        .language = text_of(o, "language"),
        .quotes = (mn_quote_policy)one_of(text_of(o, "quotes"), policies, 3),
        .hide_media = mn_json_bool(mn_json_get(o, "hide_media"), false),
        .show_all_media = mn_json_bool(mn_json_get(o, "show_all_media"), false),
        .expand_warnings = mn_json_bool(mn_json_get(o, "expand_warnings"), false),
        .noindex = mn_json_bool(mn_json_get(o, "noindex"), false),
        .memorial = mn_json_bool(mn_json_get(o, "memorial"), false),
        .hide_featured = mn_json_bool(mn_json_get(o, "hide_featured"), false),
        .hide_media_tab = mn_json_bool(mn_json_get(o, "hide_media_tab"), false),
        .hide_media_replies = mn_json_bool(mn_json_get(o, "hide_media_replies"), false),
        .avatar_alt = text_of(o, "avatar_alt"),
        .header_alt = text_of(o, "header_alt"),
    };
    read_domains(mn_json_get(o, "attribution"), ar, &p);
    return p;
}

static void put_bool(mn_json_writer *j, const char *key, bool v)
{
    if (v) mn_jw_kbool(j, key, true);
}

static void put_text(mn_json_writer *j, const char *key, mn_str s)
{
    if (s.len) mn_jw_kstr(j, key, s);
}

mn_str mn_social_prefs_write(const mn_prefs *p, mn_arena *ar)
{
    mn_buf b;
    mn_json_writer j;
    mn_buf_init(&b, JSON_MAX);
    mn_json_writer_init(&j, &b, 0);
    mn_jw_object(&j);
    if (p->privacy) mn_jw_kstrz(&j, "privacy", privacies[p->privacy]);
    if (p->quotes) mn_jw_kstrz(&j, "quotes", policies[p->quotes]);
    put_bool(&j, "sensitive", p->sensitive);
    put_text(&j, "language", p->language);
    put_bool(&j, "hide_media", p->hide_media);
    put_bool(&j, "show_all_media", p->show_all_media);
    put_bool(&j, "expand_warnings", p->expand_warnings);
    put_bool(&j, "noindex", p->noindex);
    put_bool(&j, "memorial", p->memorial);
    put_bool(&j, "hide_featured", p->hide_featured);
    put_bool(&j, "hide_media_tab", p->hide_media_tab);
    put_bool(&j, "hide_media_replies", p->hide_media_replies);
    put_text(&j, "avatar_alt", p->avatar_alt);
    put_text(&j, "header_alt", p->header_alt);
    if (p->n_attribution) {
        mn_jw_key(&j, "attribution");
        mn_jw_array(&j);
        for (size_t i = 0; i < p->n_attribution; i++) mn_jw_str(&j, p->attribution[i]);
        mn_jw_array_end(&j);
    }
    mn_jw_object_end(&j);
    return finish(&b, ar);
}
