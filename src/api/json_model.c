/* The model page's document, and the events that say it has changed. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "api/api_int.h"
#include "base/fs.h"
#include "corpus/corpus.h"

#define TRAINING_MAX (16u << 20)

/* ---- the document ---------------------------------------------------------------------------------------------- */

/* training.json of that model, checked to be JSON; NULL when there is none that can be read. It is written every few seconds
 * while a model is trained. */
static const mn_json *read_training(mn_api *a, const char *model, mn_arena *ar,
                                    mn_str *ret_text)
{
    char path[1200];
    mn_buf text;
    mn_json *doc = NULL;
    snprintf(path, sizeof path, "%s/models/%s/training.json", a->home->dir, model);
    mn_buf_init(&text, TRAINING_MAX);
    if (mn_fs_read(path, TRAINING_MAX, &text, NULL) == MN_OK) {
        *ret_text = mn_str_trim(mn_str_dup(ar, mn_buf_str(&text)));
        if (!ret_text->ptr || mn_json_parse(*ret_text, ar, &doc, NULL) != MN_OK) doc = NULL;
    }
    mn_buf_release(&text);
    return doc;
}

static void corpus_json(mn_api *a, const mn_json *training, mn_json_writer *j)
{
    char name[MN_CORPUS_NAME_MAX + 1] = "";
    mn_str said = mn_json_str(mn_json_get(training, "corpus"));
    mn_buf manifest;
    mn_buf_init(&manifest, TRAINING_MAX);
    if (said.len && said.len <= MN_CORPUS_NAME_MAX) memcpy(name, said.ptr, said.len);
    else if (mn_corpus_latest(a->home->dir, name, NULL) != MN_OK) name[0] = 0;
    mn_jw_key(j, "corpus");
    if (name[0] && mn_corpus_manifest(a->home->dir, name, &manifest, NULL) == MN_OK)
        mn_jw_raw(j, mn_str_trim(mn_buf_str(&manifest)));
    else mn_jw_null(j);
    mn_buf_release(&manifest);
}

mn_rc mn_api_model_json(mn_api *a, mn_buf *ret, mn_err *e)
{
    mn_live *l = &a->live;
    mn_arena ar;
    mn_json_writer j;
    char model[sizeof l->model];
    mn_arena_init(&ar, 4 * TRAINING_MAX);
    pthread_mutex_lock(&l->lock);
    snprintf(model, sizeof model, "%s", l->model[0] ? l->model : "current");
    pthread_mutex_unlock(&l->lock);
    mn_str text = MN_STR_NONE;
    const mn_json *file = read_training(a, model, &ar, &text);
    mn_json_writer_init(&j, ret, 0);
    mn_jw_object(&j);
    pthread_mutex_lock(&l->lock);
    mn_live__json(l, &j);
    pthread_mutex_unlock(&l->lock);
    mn_jw_key(&j, "training");
    if (file) mn_jw_raw(&j, text);
    else mn_jw_null(&j);
    corpus_json(a, file, &j);
    mn_jw_object_end(&j);
    mn_arena_release(&ar);
    return ret->failed ? mn_fail(e, ret->failed, "no memory for the model's document") : MN_OK;
}

void mn_api__model(mn_req *r, mn_resp *w)
{
    mn_err e = {0};
    mn_api__json(w);
    if (mn_api_model_json(r->app, mn_resp_body(w), &e) != MN_OK) mn_api__failed(r, w, &e);
    else mn_resp_etag(w);
}

/* ---- events ---------------------------------------------------------------------------------------------------- */

typedef struct listener {
    mn_api *api;
    uint64_t seq; /* what it knows */
    bool greeted;
} listener;

static bool tell(void *state, mn_buf *out)
{
    listener *s = state;
    mn_live *l = &s->api->live;
    mn_json_writer j;
    pthread_mutex_lock(&l->lock);
    if (l->seq > s->seq) {
        mn_buf_addz(out, s->greeted ? "event: training\ndata: "
                                    : "retry: 3000\nevent: training\ndata: ");
        mn_json_writer_init(&j, out, 0);
        mn_jw_object(&j);
        mn_live__json(l, &j);
        mn_live__points(l, s->seq, &j);
        mn_jw_object_end(&j);
        mn_buf_addz(out, "\n\n");
        s->seq = l->seq;
        s->greeted = true;
    }
    pthread_mutex_unlock(&l->lock);
    return true;
}

void mn_api__events(mn_req *r, mn_resp *w)
{
    listener *s = mn_calloc(1, sizeof *s);
    if (!s) {
        mn_resp_error(r, w, 503, "the server is out of memory; try again in a moment");
        return;
    }
    s->api = r->app;
    mn_resp_stream(w, "training", tell, mn_free, s);
}
