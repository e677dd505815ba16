/* The versions of a post, oldest first, the present one last. */
#include "api/mastodon/statuses.h"
#include "store/media.h"

/* [{"id","description"}] of a version as media entities: those that are still here, with the description they had then. */
static mn_rc put_old_media(const mn_view *v, mn_str json, mn_json_writer *j, mn_err *e)
{
    mn_json *list = NULL;
    mn_jw_key(j, "media_attachments");
    mn_jw_array(j);
    if (json.len) MN_TRY(mn_json_parse(json, v->arena, &list, e));
    for (size_t i = 0; list && i < list->n; i++) {
        mn_media m;
        const mn_json *item = mn_json_at(list, i);
        mn_rc rc = mn_store_medium(v->api->home->store, mn_json_u64(mn_json_get(item, "id"), 0),
                                   v->arena, &m, e);
        if (rc == MN_E_NOT_FOUND) continue;
        MN_TRY(rc);
        m.alt = mn_json_str(mn_json_get(item, "description"));
        mn_entity_media(v, &m, j);
    }
    mn_jw_array_end(j);
    return MN_OK;
}

static mn_rc put_old_poll(const mn_view *v, mn_str json, mn_json_writer *j, mn_err *e)
{
    mn_json *o = NULL;
    if (!json.len) return MN_OK;
    MN_TRY(mn_json_parse(json, v->arena, &o, e));
    const mn_json *options = mn_json_get(o, "options");
    mn_jw_key(j, "poll");
    mn_jw_object(j);
    mn_jw_key(j, "options");
    mn_jw_array(j);
    for (size_t i = 0; options && i < options->n; i++) {
        mn_jw_object(j);
        mn_jw_kstr(j, "title", mn_json_str(mn_json_at(options, i)));
        mn_jw_object_end(j);
    }
    mn_jw_array_end(j);
    mn_jw_object_end(j);
    return MN_OK;
}

static mn_rc put_version(const mn_view *v, const mn_post *p, const mn_post_version *x,
                         mn_json_writer *j, mn_err *e)
{
    mn_buf html;
    mn_post as = *p;
    const mn_str texts[] = {x->text, x->warning};
    as.text = x->text;
    mn_buf_init(&html, 0);
    mn_jw_object(j);
    mn_rc rc = mn_masto_content(v, &as, &html, e);
    mn_jw_kstr(j, "content", mn_buf_str(&html));
    mn_buf_release(&html);
    MN_TRY(rc);
    mn_jw_kstr(j, "spoiler_text", x->warning.ptr ? x->warning : MN_STR(""));
    mn_jw_kbool(j, "sensitive", x->sensitive);
    mn_jw_key(j, "created_at");
    mn_jw_time(j, x->at_ms);
    mn_jw_key(j, "account");
    MN_TRY(mn_entity_account(v, p->account_id, j, e));
    MN_TRY(put_old_media(v, x->media, j, e));
    MN_TRY(put_old_poll(v, x->poll, j, e));
    mn_jw_key(j, "emojis");
    MN_TRY(mn_entity_emoji_in(v, texts, 2, j, e));
    mn_jw_object_end(j);
    return MN_OK;
}

/* As the current version would be kept. */
static mn_rc current_version(const mn_view *v, const mn_post *p, mn_post_version *ret,
                             mn_err *e)
{
    mn_store *s = v->api->home->store;
    *ret = (mn_post_version){.at_ms = p->edited_ms ? p->edited_ms : p->created_ms,
                             .text = p->text,
                             .warning = p->warning,
                             .sensitive = p->sensitive};
    MN_TRY(mn_social_media_json(s, p->id, v->arena, &ret->media, e));
    return mn_social_poll_json(s, p->poll_id, v->arena, &ret->poll, e);
}

void mn_masto__history(mn_req *r, mn_resp *w)
{
    mn_post p;
    mn_post_version *old = NULL, now;
    mn_err e = {0};
    size_t n = 0;
    mn_view v = mn_masto_view(r);
    if (!mn_masto__visible_post(r, w, &p)) return;
    mn_rc rc = mn_store_post_versions(v.api->home->store, p.id, r->arena, &old, &n, &e);
    if (rc == MN_OK) rc = current_version(&v, &p, &now, &e);
    mn_json_writer j = mn_masto_json(w);
    mn_jw_array(&j);
    for (size_t i = 0; rc == MN_OK && i < n; i++) rc = put_version(&v, &p, &old[i], &j, &e);
    if (rc == MN_OK) rc = put_version(&v, &p, &now, &j, &e);
    if (rc != MN_OK) {
        mn_masto__compose_failed(r, w, rc, &e);
        return;
    }
    mn_jw_array_end(&j);
}
