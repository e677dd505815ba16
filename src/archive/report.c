/* Names of formats and reasons, and the report of an import. */
#include <stdio.h>

#include "archive/import.h"
#include "base/json.h"

const char *const mn_import_format_names[MN_FORMATS] = {
    "auto", "x", "grailbird", "mastodon", "fortune", "jsonl", "mynah"};

const char *const mn_skip_names[MN_SKIPS] = {
    "ascii_art",  "bad_time", "boost",     "deleted",      "direct",     "empty",
    "not_a_post", "not_utf8", "offensive", "other_author", "restricted", "too_long"};

mn_rc mn_import_format_parse(mn_str s, mn_import_format *ret, mn_err *e)
{
    static const char *const planned[] = {"bluesky", "threads", "reddit"};
    for (int i = 0; i < MN_FORMATS; i++)
        if (mn_str_eqz(s, mn_import_format_names[i])) {
            *ret = (mn_import_format)i;
            return MN_OK;
        }
    for (size_t i = 0; i < sizeof planned / sizeof *planned; i++)
        if (mn_str_eqz(s, planned[i]))
            return mn_fail(e, MN_E_UNSUPPORTED, "this version does not read %s archives yet",
                           planned[i]);
    return mn_fail(e, MN_E_USAGE,
                   "there is no format '%.*s'; expected auto, x, grailbird, mastodon, fortune, "
                   "jsonl or mynah",
                   MN_STR_FMT(s));
}

void mn_import_report_warn(mn_import_report *r, const char *fmt, ...)
{
    char text[512];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (r->n_warnings == MN_IMPORT_WARNINGS_MAX) return;
    mn_str whole = mn_utf8_cut(mn_str_from(text), sizeof text - 1);
    char *copy = mn_strndup(whole.ptr, whole.len);
    if (copy) r->warnings[r->n_warnings++] = copy;
}

void mn_import_report_release(mn_import_report *r)
{
    for (size_t i = 0; i < r->n_warnings; i++) mn_free(r->warnings[i]);
    *r = (mn_import_report){0};
}

void mn_import_report_json(const mn_import_report *r, mn_buf *ret)
{
    mn_json_writer w;
    mn_json_writer_init(&w, ret, 0);
    mn_jw_object(&w);
    mn_jw_ku64(&w, "read", r->read);
    mn_jw_ku64(&w, "created", r->created);
    mn_jw_ku64(&w, "skipped_existing", r->skipped_existing);
    mn_jw_key(&w, "skipped");
    mn_jw_object(&w);
    for (int i = 0; i < MN_SKIPS; i++)
        if (r->skipped[i]) mn_jw_ku64(&w, mn_skip_names[i], r->skipped[i]);
    mn_jw_object_end(&w);
    mn_jw_key(&w, "warnings");
    mn_jw_array(&w);
    for (size_t i = 0; i < r->n_warnings; i++) mn_jw_strz(&w, r->warnings[i]);
    mn_jw_array_end(&w);
    mn_jw_object_end(&w);
}
