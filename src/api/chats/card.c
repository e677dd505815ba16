/* What can be talked to, and the card of each: where it comes from, under which licence, and what it was trained on. */
#include <stdio.h>
#include <sys/stat.h>

#include "api/chats/chats_int.h"
#include "api/served_int.h"
#include "base/fs.h"
#include "model/open.h"

#define FILE_MAX (8u << 20)

void mn_chats__models(mn_req *r, mn_resp *w)
{
    mn_err e = {0};
    mn_api *a = r->app;
    mn_served_model *m = NULL;
    size_t n = 0;
    if (mn_served_list(a->served, r->arena, &m, &n, &e) != MN_OK) {
        mn_masto_fail(r, w, &e);
        return;
    }
    mn_json_writer j = mn_masto_json(w);
    mn_jw_array(&j);
    for (size_t i = 0; i < n; i++) {
        mn_jw_object(&j);
        mn_jw_kstrz(&j, "name", m[i].name);
        mn_jw_key(&j, "created_at");
        mn_jw_time(&j, m[i].created_ms);
        mn_jw_object_end(&j);
    }
    mn_jw_array_end(&j);
}

/* What the model's own file says, as members of the object under way; nothing when it cannot be opened. */
static void weights_json(const char *path, mn_json_writer *j)
{
    mn_model *m;
    if (mn_model_open_weights(path, &m, NULL) != MN_OK) return;
    mn_jw_kstr(j, "title", m->name);
    mn_jw_kstr(j, "licence", m->licence);
    mn_jw_kstr(j, "origin", m->origin);
    mn_jw_kstr(j, "author", m->author);
    mn_jw_ku64(j, "bytes", m->bytes);
    mn_jw_ku64(j, "context", m->cfg.T);
    mn_jw_ku64(j, "layers", m->cfg.L);
    mn_jw_ku64(j, "width", m->cfg.C);
    mn_jw_ku64(j, "vocabulary", m->cfg.V);
    mn_model_free(m);
}

/* A JSON file of the model's folder; NULL: there is none that can be read. */
static const mn_json *file_of(const mn_served__place *p, const char *name, mn_arena *ar)
{
    char path[1200];
    mn_buf text;
    mn_json *v = NULL;
    struct stat st;
    bool folder = stat(p->path, &st) == 0 && S_ISDIR(st.st_mode);
    const char *slash = strrchr(p->path, '/');
    int dir = folder || !slash ? (int)strlen(p->path) : (int)(slash - p->path);
    snprintf(path, sizeof path, "%.*s/%s", dir, p->path, name);
    mn_buf_init(&text, FILE_MAX);
    if (mn_fs_read(path, FILE_MAX, &text, NULL) == MN_OK) {
        mn_str s = mn_str_dup(ar, mn_str_trim(mn_buf_str(&text)));
        if (s.ptr && mn_json_parse(s, ar, &v, NULL) != MN_OK) v = NULL;
    }
    mn_buf_release(&text);
    return v;
}

/* What was trained here tells on what. */
static void from_training(const mn_json *t, mn_json_writer *j)
{
    static const char *const numbers[] = {
        "params", "tokens", "steps", "seconds", "val_bits_per_byte", "train_examples"};
    static const char *const words[] = {"corpus", "preset", "tuned_from", "data"};
    mn_jw_key(j, "training");
    if (!t) {
        mn_jw_null(j);
        return;
    }
    mn_jw_object(j);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        const mn_json *v = mn_json_get(t, words[i]);
        if (v && v->type == MN_JSON_STRING && v->text.len) mn_jw_kstr(j, words[i], v->text);
    }
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        const mn_json *v = mn_json_get(t, numbers[i]);
        if (!v || v->type != MN_JSON_NUMBER) continue;
        mn_jw_key(j, numbers[i]);
        mn_jw_raw(j, v->text);
    }
    mn_jw_object_end(j);
}

void mn_chats__card(mn_req *r, mn_resp *w)
{
    mn_err e = {0};
    mn_api *a = r->app;
    mn_served__place p;
    mn_rc rc = mn_served__find(a->home->dir, mn_req_param(r, "name"), &p, &e);
    if (rc != MN_OK) {
        mn_masto_failed(r, w, rc, &e);
        return;
    }
    const mn_json *training = file_of(&p, "training.json", r->arena),
                  *origin = file_of(&p, "origin.json", r->arena);
    mn_json_writer j = mn_masto_json(w);
    mn_jw_object(&j);
    mn_jw_kstrz(&j, "name", p.name);
    mn_jw_key(&j, "created_at");
    mn_jw_time(&j, p.created_ms);
    weights_json(p.path, &j);
    mn_jw_kbool(&j, "ours", training != NULL);
    mn_jw_kstr(&j, "source", mn_json_str(mn_json_get(origin, "source")));
    from_training(training, &j);
    mn_jw_object_end(&j);
}
