/* Bringing a model in: opened (which checks all of it), copied beside its place, described, and moved there at once. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/hash.h"
#include "model/export_int.h"
#include "model/open_int.h"
#include "model/safetensors.h"

typedef struct job {
    const mn_model *m;
    const char *from, *to; /* to: the folder that is being made */
    uint32_t type;         /* when quantising: of the file that is made */
    mn_str licence, origin;
    mn_arena arena;
} job;

/* The names of all weight files, those of the model as it was opened. */
static mn_rc copy_weights(const job *j, mn_err *e)
{
    const struct mn_model_map *map = j->m->map;
    bool there;
    for (size_t i = 0; i < map->n_maps; i++)
        MN_TRY(mn_export__copy(j->from, j->to, mn_fs_base(map->paths[i]), &there, e));
    return MN_OK;
}

static mn_rc copy_folder(const job *j, mn_err *e)
{
    static const char *const names[] = {
        "config.json",
        "generation_config.json",
        "model.safetensors.index.json",
        "tokenizer.json",
        "tokenizer.model",
        "tokenizer_config.json",
        "chat_template.jinja",
        "special_tokens_map.json",
        "README.md",
        "LICENSE",
        "LICENSE.txt",
        "LICENSE.md",
        "NOTICE",
    };
    bool there;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        MN_TRY(mn_export__copy(j->from, j->to, names[i], &there, e));
    return copy_weights(j, e);
}

/* What tools that know folders look for beside a GGUF file. */
static mn_rc describe_gguf(job *j, mn_err *e)
{
    mn_export_names n;
    MN_TRY(mn_export__names(j->m, &j->arena, &n, e));
    MN_TRY(mn_export__tokenizer(j->m, j->to, e));
    MN_TRY(mn_export__tokenizer_config(j->m, &n, j->to, e));
    return mn_export__config(j->m, &n, MN_Q_F32, j->to, e);
}

/* The file as it is. */
static mn_rc copy_gguf(job *j, mn_err *e)
{
    mn_fs_map source = j->m->map->maps[0];
    char *target = mn_fs_join(&j->arena, j->to, "model.gguf");
    if (!target) return mn_fail(e, MN_E_NOMEM, "no memory to import the model");
    MN_TRY(mn_st_write_pieces(target, &(mn_st_piece){source.ptr, source.len}, 1, e));
    return describe_gguf(j, e);
}

static mn_rc copy_any(job *j, mn_err *e)
{
    return j->m->map->gguf ? copy_gguf(j, e) : copy_folder(j, e);
}

static mn_rc make_quantised(job *j, mn_err *e)
{
    char *target = mn_fs_join(&j->arena, j->to, "model.gguf");
    if (!target) return mn_fail(e, MN_E_NOMEM, "no memory to quantise the model");
    MN_TRY(mn_model_export_gguf(j->m, target, j->type, e));
    return describe_gguf(j, e);
}

/* Over all files of weights that it came from, in the order of their names. */
static mn_rc hash_weights(const mn_model *m, char ret[MN_HEX256], mn_err *e)
{
    mn_sha256 h;
    uint8_t sum[32];
    MN_TRY(mn_sha256_init(&h, e));
    for (size_t i = 0; i < m->map->n_maps; i++)
        mn_sha256_add(&h, m->map->maps[i].ptr, m->map->maps[i].len);
    mn_sha256_done(&h, sum);
    mn_hex(sum, sizeof sum, ret);
    return MN_OK;
}

static mn_rc write_origin(job *j, mn_err *e)
{
    char sum[MN_HEX256];
    mn_str name = mn_str_from(mn_fs_base(j->m->path));
    mn_buf b;
    mn_json_writer w;
    MN_TRY(hash_weights(j->m, sum, e));
    mn_str source = j->origin.ptr ? j->origin : j->m->origin;
    mn_buf_init(&b, 0);
    mn_json_writer_init(&w, &b, 2);
    mn_jw_object(&w);
    mn_jw_kstr(&w, "source", source.ptr ? source : name);
    mn_jw_kstr(&w, "licence", j->licence.ptr ? j->licence : j->m->licence);
    mn_jw_kstr(&w, "author", j->m->author);
    mn_jw_kstrz(&w, "sha256", sum);
    mn_jw_key(&w, "imported_at");
    mn_jw_time(&w, mn_now_ms());
    mn_jw_object_end(&w);
    mn_buf_addc(&b, '\n');
    char *path = mn_fs_join(&j->arena, j->to, "origin.json");
    mn_rc rc = path && b.failed == MN_OK
                   ? mn_fs_write_atomic(path, b.ptr, b.len, e)
                   : mn_fail(e, MN_E_NOMEM, "no memory to import the model");
    mn_buf_release(&b);
    return rc;
}

static mn_rc bring(job *j, const char *dir, mn_rc (*fill)(job *j, mn_err *e), mn_err *e)
{
    MN_TRY(mn_fs_remove_tree(j->to, e)); /* what an import that was stopped left */
    MN_TRY(mn_fs_mkdirs(j->to, e));
    MN_TRY(fill(j, e));
    MN_TRY(write_origin(j, e));
    MN_TRY(mn_fs_sync_dir(j->to, e));
    if (mn_fs_exists(dir)) return mn_fail(e, MN_E_EXISTS, "'%s' is there already", dir);
    if (rename(j->to, dir) != 0) return mn_fail_errno(e, MN_E_IO, "cannot make '%s'", dir);
    return MN_OK;
}

/* "DIR" as "…/.NAME.importing": the same file system, and no name of a model. */
static char *aside(mn_arena *a, const char *dir)
{
    const char *base = mn_fs_base(dir);
    return (char *)(uintptr_t)mn_str_fmt(a, "%.*s.%s.importing", (int)(base - dir), dir, base)
        .ptr;
}

static mn_rc make(job *j, const char *dir, mn_rc (*fill)(job *j, mn_err *e), mn_err *e)
{
    if (mn_fs_exists(dir)) return mn_fail(e, MN_E_EXISTS, "'%s' is there already", dir);
    mn_arena_init(&j->arena, 0);
    j->to = aside(&j->arena, dir);
    mn_rc rc = j->to ? bring(j, dir, fill, e) : mn_fail(e, MN_E_NOMEM, "no memory for a model");
    if (rc != MN_OK && j->to) mn_fs_remove_tree(j->to, NULL);
    mn_arena_release(&j->arena);
    return rc;
}

mn_rc mn_model_import(const char *path, const char *dir, mn_str licence, mn_str origin,
                      mn_err *e)
{
    mn_model *m;
    MN_TRY(mn_model_open(path, &m, e));
    job j = {.m = m, .from = path, .licence = licence, .origin = origin};
    mn_rc rc = make(&j, dir, copy_any, e);
    mn_model_free(m);
    return rc;
}

mn_rc mn_model_quantise(const mn_model *m, const char *dir, uint32_t type, mn_err *e)
{
    job j = {.m = m, .from = m->path, .type = type};
    return make(&j, dir, make_quantised, e);
}
