/* A model as a Hugging Face folder. What a folder holds of tokenizer and card is copied byte for byte; for a GGUF file it is written. */
#include "base/fs.h"
#include "model/export_int.h"
#include "model/file_out.h"
#include "model/open_int.h"
#include "model/rows.h"
#include "model/safetensors.h"
#include "model/st_head.h"

typedef struct sink {
    mn_file_out *f;
    mn_err *e;
} sink;

static mn_rc sink_add(void *to, const void *p, size_t n)
{
    sink *s = to;
    return mn_file_out_add(s->f, p, n, s->e);
}

static mn_rc write_tensors(const mn_model *m, mn_qtype type, mn_file_out *f, mn_err *e)
{
    mn_tensor t;
    mn_pool *pool = NULL;
    sink s = {f, e};
    mn_model *places =
        (mn_model *)(uintptr_t)m; /* mn_model__view gives places; none is written */
    mn_rc rc = mn_pool_new(0, &pool, e);
    for (uint64_t i = 0; rc == MN_OK && mn_tensor_at(&m->cfg, i, &t); i++)
        rc = mn_rows_write(mn_model__view(places, &t), type, 0, pool, sink_add, &s, e);
    mn_pool_free(pool);
    return rc;
}

static mn_rc write_weights(const mn_model *m, mn_qtype type, const char *path, mn_err *e)
{
    mn_buf head;
    mn_file_out f = {.fd = -1};
    mn_buf_init(&head, MN_ST_HEADER_MAX);
    mn_rc rc = mn_st_head(&m->cfg, type, &head);
    if (rc != MN_OK) mn_fail(e, rc, "no memory to write '%s'", path);
    if (rc == MN_OK) rc = mn_file_out_open(path, &f, e);
    if (rc == MN_OK) rc = mn_file_out_add(&f, head.ptr, head.len, e);
    if (rc == MN_OK) rc = write_tensors(m, type, &f, e);
    if (rc == MN_OK) rc = mn_file_out_commit(&f, e);
    mn_file_out_release(&f);
    mn_buf_release(&head);
    return rc;
}

/* The tokenizer: copied where the model is a folder that has it, else written. */
static mn_rc write_tokenizer(const mn_model *m, const mn_export_names *n, const char *dir,
                             mn_err *e)
{
    static const char *const others[] = {"tokenizer.model", "chat_template.jinja", "LICENSE",
                                         "LICENSE.txt",     "LICENSE.md",          "NOTICE"};
    bool copy = mn_fs_is_dir(m->path), there = false;
    for (size_t i = 0; copy && i < sizeof others / sizeof *others; i++)
        MN_TRY(mn_export__copy(m->path, dir, others[i], &there, e));
    there = false;
    if (copy) MN_TRY(mn_export__copy(m->path, dir, "tokenizer.json", &there, e));
    if (!there) MN_TRY(mn_export__tokenizer(m, dir, e));
    there = false;
    if (copy) MN_TRY(mn_export__copy(m->path, dir, "tokenizer_config.json", &there, e));
    if (!there) MN_TRY(mn_export__tokenizer_config(m, n, dir, e));
    there = false;
    if (copy) MN_TRY(mn_export__copy(m->path, dir, "special_tokens_map.json", &there, e));
    return there ? MN_OK : mn_export__special_tokens(n, dir, e);
}

static mn_rc write_card(const mn_model *m, const char *dir, mn_err *e)
{
    bool there = false;
    if (mn_fs_is_dir(m->path)) MN_TRY(mn_export__copy(m->path, dir, "README.md", &there, e));
    return there ? MN_OK : mn_export__card(m, dir, e);
}

static mn_rc write_all(const mn_model *m, const char *dir, mn_qtype type, mn_arena *a,
                       mn_err *e)
{
    mn_export_names n;
    const char *weights = mn_fs_join(a, dir, "model.safetensors"),
               *config = mn_fs_join(a, dir, "config.json"),
               *gguf = mn_fs_join(a, dir, "model.gguf"),
               *index = mn_fs_join(a, dir, "model.safetensors.index.json");
    if (!weights || !config || !gguf || !index)
        return mn_fail(e, MN_E_NOMEM, "no memory to write the model's files");
    if (mn_fs_exists(weights) || mn_fs_exists(config) || mn_fs_exists(gguf) ||
        mn_fs_exists(index))
        return mn_fail(e, MN_E_EXISTS, "'%s' holds a model already", dir);
    MN_TRY(mn_export__names(m, a, &n, e));
    MN_TRY(mn_fs_mkdirs(dir, e));
    MN_TRY(mn_export__generation(m, &n, dir, e));
    MN_TRY(write_tokenizer(m, &n, dir, e));
    MN_TRY(write_card(m, dir, e));
    MN_TRY(write_weights(m, type, weights, e));
    return mn_export__config(m, &n, type, dir, e); /* last: it makes the folder a model */
}

mn_rc mn_model_export_folder(const mn_model *m, const char *dir, mn_qtype type, mn_err *e)
{
    mn_arena a;
    if (type != MN_Q_F32 && type != MN_Q_F16 && type != MN_Q_BF16)
        return mn_fail(e, MN_E_USAGE,
                       "a folder holds f32, f16 or bf16; quantised weights go into GGUF files");
    mn_arena_init(&a, 0);
    mn_rc rc = write_all(m, dir, type, &a, e);
    mn_arena_release(&a);
    return rc;
}

static mn_rc write_small(const mn_model *m, const char *dir, mn_arena *a, mn_err *e)
{
    mn_export_names n;
    MN_TRY(mn_export__names(m, a, &n, e));
    MN_TRY(mn_export__generation(m, &n, dir, e));
    MN_TRY(write_tokenizer(m, &n, dir, e));
    return mn_export__config(m, &n, MN_Q_F32, dir, e);
}

mn_rc mn_model_export_beside(const mn_model *m, const char *dir, mn_err *e)
{
    mn_arena a;
    mn_arena_init(&a, 0);
    mn_rc rc = write_small(m, dir, &a, e);
    mn_arena_release(&a);
    return rc;
}
