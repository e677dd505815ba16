/* Checkpoint files; the layout is in checkpoint.h and docs/design/checkpoints.md. Fields are written one by one through
 * `io`, the same walk for both directions, so that writing and reading cannot disagree and no struct's padding is on disk. */
#include "model/checkpoint.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/hash.h"
#include "base/mem.h"
#include "model/safetensors.h"

static const char magic[8] = "MNCKPT1\n";
#define KEEP 2

typedef struct io {
    uint8_t *at;
    bool writing;
} io;

static void io_u64(io *x, uint64_t *v)
{
    uint64_t r = 0;
    for (int i = 0; i < 8; i++) {
        if (x->writing) x->at[i] = (uint8_t)(*v >> 8 * i);
        r |= (uint64_t)x->at[i] << 8 * i;
    }
    *v = r;
    x->at += 8;
}

static void io_f64(io *x, double *v)
{
    uint64_t u;
    memcpy(&u, v, sizeof u);
    io_u64(x, &u);
    memcpy(v, &u, sizeof u);
}

static void io_u32(io *x, uint32_t *v)
{
    uint64_t u = *v;
    io_u64(x, &u);
    *v = (uint32_t)u;
}

static void io_f32(io *x, float *v)
{
    double d = (double)*v;
    io_f64(x, &d);
    *v = (float)d;
}

static void io_bool(io *x, bool *v)
{
    uint64_t u = *v;
    io_u64(x, &u);
    *v = u != 0;
}

static void io_bytes(io *x, void *p, size_t n)
{
    if (x->writing) memcpy(x->at, p, n);
    else memcpy(p, x->at, n);
    x->at += n;
}

static void io_head(io *x, mn_checkpoint *c)
{
    io_u32(x, &c->cfg.V), io_u32(x, &c->cfg.C), io_u32(x, &c->cfg.L), io_u32(x, &c->cfg.H);
    io_u32(x, &c->cfg.KV), io_u32(x, &c->cfg.D), io_u32(x, &c->cfg.F), io_u32(x, &c->cfg.T);
    io_f32(x, &c->cfg.rope_theta), io_f32(x, &c->cfg.eps), io_bool(x, &c->cfg.tied);
    io_u64(x, &c->seed), io_u64(x, &c->step), io_u64(x, &c->tokens);
    io_u64(x, &c->epoch), io_u64(x, &c->row);
    io_u64(x, &c->batch_rows), io_u64(x, &c->row_tokens), io_u64(x, &c->threads);
    io_u64(x, &c->dtype), io_f64(x, &c->seconds), io_f64(x, &c->minutes);
    io_u64(x, &c->schedule.rise), io_u64(x, &c->schedule.n_steps);
    io_u64(x, &c->schedule.fall_from);
    io_f64(x, &c->schedule.peak), io_f64(x, &c->schedule.factor);
    io_bool(x, &c->finished);
    io_bytes(x, c->corpus, 32), io_bytes(x, c->tokenizer, 32), io_bytes(x, c->previous, 32);
}

/* ---- the folder -------------------------------------------------------------------------------------------------------- */

static bool is_checkpoint(const char *name)
{
    mn_str s = mn_str_from(name);
    return mn_str_starts(s, "step-") && mn_str_ends(s, ".mnc");
}

/* Names of checkpoints, oldest first (they sort by step), without others. */
static mn_rc list(const char *dir, mn_arena *a, char ***ret, size_t *ret_n, mn_err *e)
{
    *ret_n = 0;
    if (!mn_fs_is_dir(dir)) return MN_OK;
    size_t n = 0, kept = 0;
    char **names = NULL;
    MN_TRY(mn_fs_list(dir, a, &names, &n, e));
    for (size_t i = 0; i < n; i++)
        if (is_checkpoint(names[i])) names[kept++] = names[i];
    *ret = names;
    *ret_n = kept;
    return MN_OK;
}

static void remove_old(const char *dir)
{
    mn_arena a;
    mn_arena_init(&a, 0);
    char **names = NULL;
    size_t n = 0;
    if (list(dir, &a, &names, &n, NULL) == MN_OK)
        for (size_t i = 0; i + KEEP < n; i++) {
            char *path = mn_fs_join(&a, dir, names[i]);
            if (path) unlink(path); /* one that stays is only space */
        }
    mn_arena_release(&a);
}

mn_rc mn_checkpoint_save(const char *dir, mn_checkpoint *c, const mn_weights *w,
                         const mn_optim *o, mn_err *e)
{
    uint8_t head[MN_CHECKPOINT_HEAD] = {0};
    memcpy(head, magic, sizeof magic);
    io x = {.at = head + sizeof magic, .writing = true};
    c->cfg = w->cfg;
    io_head(&x, c);
    MN_ASSERT(x.at <= head + sizeof head);
    const size_t n = (size_t)w->n_all * sizeof(float);
    mn_sha256 h;
    MN_TRY(mn_sha256_init(&h, e));
    mn_sha256_add(&h, head, sizeof head);
    mn_sha256_add(&h, w->all, n);
    mn_sha256_add(&h, o->m, 2 * n);
    uint8_t self[32];
    mn_sha256_done(&h, self);
    MN_TRY(mn_fs_mkdirs(dir, e));
    char name[48];
    snprintf(name, sizeof name, "step-%010llu.mnc", (unsigned long long)c->step);
    mn_arena a;
    mn_arena_init(&a, 0);
    char *path = mn_fs_join(&a, dir, name);
    const mn_st_piece pieces[] = {{head, sizeof head}, {w->all, n}, {o->m, 2 * n}, {self, 32}};
    mn_rc rc = path ? mn_st_write_pieces(path, pieces, 4, e)
                    : mn_fail(e, MN_E_NOMEM, "no memory to write a checkpoint");
    mn_arena_release(&a);
    if (rc != MN_OK) return rc;
    memcpy(c->self, self, 32);
    remove_old(dir);
    return MN_OK;
}

/* ---- reading --------------------------------------------------------------------------------------------------------------- */

/* Header of a mapped file, checked against the file's size. */
static mn_rc read_head(const mn_fs_map *map, const char *name, mn_checkpoint *ret, mn_err *e)
{
    uint8_t head[MN_CHECKPOINT_HEAD];
    if (map->len < sizeof head + 32 || memcmp(map->ptr, magic, sizeof magic) != 0)
        return mn_fail(e, MN_E_CORRUPT, "'%s' is not a checkpoint", name);
    memcpy(head, map->ptr, sizeof head);
    mn_checkpoint c = {0};
    io x = {.at = head + sizeof magic};
    io_head(&x, &c);
    mn_err why = {0};
    if (mn_config_check(&c.cfg, &why) != MN_OK)
        return mn_fail(e, MN_E_CORRUPT, "checkpoint '%s' is damaged: %s", name, why.msg);
    if (map->len != sizeof head + mn_config_params(&c.cfg) * 12 + 32)
        return mn_fail(e, MN_E_CORRUPT, "checkpoint '%s' is cut short", name);
    memcpy(c.self, map->ptr + map->len - 32, 32);
    *ret = c;
    return MN_OK;
}

static mn_rc load_into(const mn_fs_map *map, const char *name, mn_checkpoint *ret,
                       mn_weights *w, mn_optim *o, mn_err *e)
{
    mn_checkpoint c;
    MN_TRY(read_head(map, name, &c, e));
    uint8_t self[32];
    mn_sha256_of(map->ptr, map->len - 32, self);
    if (memcmp(self, c.self, 32) != 0)
        return mn_fail(e, MN_E_CORRUPT, "checkpoint '%s' is damaged: its hash does not fit",
                       name);
    if (mn_config_params(&c.cfg) != w->n_all)
        return mn_fail(e, MN_E_CORRUPT, "checkpoint '%s' is of another shape", name);
    const size_t n = (size_t)w->n_all * sizeof(float);
    memcpy(w->all, map->ptr + MN_CHECKPOINT_HEAD, n);
    memcpy(o->m, map->ptr + MN_CHECKPOINT_HEAD + n, 2 * n);
    *ret = c;
    return MN_OK;
}

/* Maps checkpoint `name` and reads it: the header, or with w all of it. */
static mn_rc read_one(mn_arena *a, const char *dir, const char *name, mn_checkpoint *ret,
                      mn_weights *w, mn_optim *o, mn_err *e)
{
    mn_fs_map map = {0};
    char *path = mn_fs_join(a, dir, name);
    if (!path) return mn_fail(e, MN_E_NOMEM, "no memory to read a checkpoint");
    MN_TRY(mn_fs_map_open(path, &map, e));
    mn_rc rc = w ? load_into(&map, name, ret, w, o, e) : read_head(&map, name, ret, e);
    mn_fs_map_close(&map);
    return rc;
}

static mn_rc newest(const char *dir, mn_checkpoint *ret, mn_weights *w, mn_optim *o,
                    bool *ret_skipped, mn_err *e)
{
    mn_arena a;
    mn_arena_init(&a, 0);
    char **names = NULL;
    size_t n = 0;
    mn_rc rc = list(dir, &a, &names, &n, e);
    if (rc == MN_OK && !n) rc = mn_fail(e, MN_E_NOT_FOUND, "no checkpoint in '%s'", dir);
    for (size_t i = n; i-- > 0;) {
        rc = read_one(&a, dir, names[i], ret, w, o, e);
        if (rc != MN_E_CORRUPT) break;
        if (ret_skipped) *ret_skipped = true;
    }
    mn_arena_release(&a);
    return rc;
}

mn_rc mn_checkpoint_peek(const char *dir, mn_checkpoint *ret, mn_err *e)
{
    return newest(dir, ret, NULL, NULL, NULL, e);
}

mn_rc mn_checkpoint_load(const char *dir, mn_checkpoint *ret, mn_weights *w, mn_optim *o,
                         bool *ret_skipped, mn_err *e)
{
    *ret_skipped = false;
    return newest(dir, ret, w, o, ret_skipped, e);
}
