#include "cmd/chat_card.h"

#include "base/fs.h"
#include "base/json.h"
#include "model/open.h"

static void line(FILE *out, const char *what, mn_str s)
{
    fprintf(out, "  %-11s %.*s\n", what, MN_STR_FMT(s.len ? s : MN_STR("not known")));
}

/* training.json beside the weights, where the model was made here; NULL: there is none. */
static mn_rc training_of(const char *path, mn_arena *a, mn_json **ret, mn_err *e)
{
    mn_buf text;
    mn_err ignored = {0};
    mn_rc rc = MN_OK;
    const char *file = mn_fs_join(a, path, "training.json");
    if (!file) return mn_fail(e, MN_E_NOMEM, "out of memory");
    mn_buf_init(&text, 16u << 20);
    *ret = NULL;
    if (mn_fs_read(file, 16u << 20, &text, &ignored) == MN_OK)
        rc = mn_json_parse(mn_str_dup(a, mn_buf_str(&text)), a, ret, e);
    mn_buf_release(&text);
    return rc;
}

static void trained_on(FILE *out, const mn_json *t, mn_arena *a)
{
    mn_str from = mn_json_str(mn_json_get(t, "tuned_from")),
           data = mn_json_str(mn_json_get(t, "data")),
           corpus = mn_json_str(mn_json_get(t, "corpus"));
    unsigned long long tokens = mn_json_u64(mn_json_get(t, "tokens"), 0);
    if (from.len) line(out, "tuned from", from);
    mn_str on = data.len ? data : corpus;
    if (on.len && tokens) on = mn_str_fmt(a, "'%.*s', %llu tokens", MN_STR_FMT(on), tokens);
    line(out, "trained on", on.len || !t ? on : MN_STR("what training.json does not name"));
}

static void print(FILE *out, const char *path, const mn_model *m, const mn_json *t, mn_arena *a)
{
    fprintf(out, "%.*s\n", MN_STR_FMT(m->name.len ? m->name : mn_str_from(mn_fs_base(path))));
    fprintf(out, "  %-11s %.1f M parameters, %s, %.1f MB, context %u\n", "size",
            (double)mn_config_params(&m->cfg) / 1e6, mn_qformat_of(mn_model_format(m))->name,
            (double)m->bytes / 1e6, m->cfg.T);
    trained_on(out, t, a);
    line(out, "licence", m->licence);
    if (m->author.len) line(out, "author", m->author);
    line(out, "origin", m->origin);
    line(out, "file", mn_str_from(path));
}

mn_rc mn_chat_card(const char *path, FILE *out, mn_err *e)
{
    mn_model *m;
    mn_json *t;
    mn_arena a;
    MN_TRY(mn_model_open_weights(path, &m, e));
    mn_arena_init(&a, 0);
    mn_rc rc = training_of(path, &a, &t, e);
    if (rc == MN_OK) print(out, path, m, t, &a);
    mn_arena_release(&a);
    mn_model_free(m);
    return rc;
}
