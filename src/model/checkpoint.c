/* Checkpoint files; the layout is in checkpoint.h and docs/design/checkpoints.md. Fields are written one by one through
 * `io`, the same walk for both directions, so that writing and reading cannot disagree and no struct's padding is on disk. */
#include "model/checkpoint.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/hash.h"
#include "base/mem.h"
#include "model/safetensors.h"

static const char magic[8] = "MNCKPT2\n", magic_1[8] = "MNCKPT1\n";

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

/* Bytes that are no recipe are read as one with a decay of -1, which read_head refuses. */
static void io_recipe(io *x, mn_recipe *r)
{
    uint64_t packed = x->writing ? mn_recipe_pack(r) : 0;
    io_u64(x, &packed);
    if (!x->writing && mn_recipe_unpack(packed, r, NULL) != MN_OK)
        *r = (mn_recipe){.decay = -1};
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
    io_f32(x, &c->cfg.rope_factor), io_f32(x, &c->cfg.rope_low), io_f32(x, &c->cfg.rope_high);
    io_u32(x, &c->cfg.rope_original);
    mn_checkpoint_tune *t = &c->tune;
    io_u64(x, &t->tuned), io_u64(x, &t->rank), io_u64(x, &t->targets);
    io_f64(x, &t->alpha), io_f64(x, &t->held_share), io_u64(x, &t->eval_every);
    io_u64(x, &t->learnt), io_u64(x, &t->best_step);
    io_f64(x, &t->loss_before), io_f64(x, &t->loss_best);
    io_bytes(x, t->base, 32);
    io_bytes(x, c->masked, 32), io_bytes(x, c->log, 32);
    io_recipe(x, &c->recipe);
    io_u64(x, &c->micro_rows);
    io_u64(x, &c->stable), io_u64(x, &c->before);
}

/* An adapter's parameters: each target's A and B in every layer. */
static uint64_t adapter_params(const mn_checkpoint *c)
{
    uint64_t n = 0;
    for (int i = 0; i < MN_LORA_TARGETS; i++) {
        uint32_t N, K;
        if (!(c->tune.targets >> i & 1)) continue;
        mn_lora_shape(&c->cfg, (mn_lora_target)i, &N, &K);
        n += ((uint64_t)N + K) * c->tune.rank * c->cfg.L;
    }
    return n;
}

uint64_t mn_checkpoint_params(const mn_checkpoint *c)
{
    return c->tune.rank ? adapter_params(c) : mn_config_params(&c->cfg);
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

char *mn_checkpoint_path(mn_arena *a, const char *dir, uint64_t step)
{
    char name[48];
    snprintf(name, sizeof name, "step-%010llu.mnc", (unsigned long long)step);
    return mn_fs_join(a, dir, name);
}

mn_rc mn_checkpoint_steps(const char *dir, mn_arena *a, uint64_t **ret, size_t *ret_n,
                          mn_err *e)
{
    char **names = NULL;
    size_t n = 0;
    MN_TRY(list(dir, a, &names, &n, e));
    uint64_t *steps = mn_arena_calloc(a, n + 1, sizeof *steps);
    if (!steps) return mn_fail(e, MN_E_NOMEM, "no memory to list checkpoints");
    for (size_t i = 0; i < n; i++) steps[i] = strtoull(names[i] + strlen("step-"), NULL, 10);
    *ret = steps;
    *ret_n = n;
    return MN_OK;
}

uint64_t mn_checkpoint_mark(const mn_schedule *s)
{
    return s->n_steps - s->n_steps / 10;
}

/* Which of n steps goes first: neither the first nor one of the last nor those that c needs; n: none. The earliest of equals, so that
 * what is near, where posts were seen last, stays. */
static size_t first_to_go(const uint64_t *step, size_t n, const mn_checkpoint *c)
{
    size_t best = n;
    for (size_t i = 1; i + MN_CHECKPOINT_LAST < n; i++) {
        if (step[i] == mn_checkpoint_mark(&c->schedule) || step[i] == c->stable) continue;
        if (best == n || step[i + 1] - step[i - 1] < step[best + 1] - step[best - 1]) best = i;
    }
    return best;
}

static bool has_room(const char *dir, uint64_t bytes)
{
    struct statvfs v;
    return statvfs(dir, &v) != 0 || (uint64_t)v.f_bavail * v.f_frsize >= bytes;
}

/* A file that stays although it should not is only space. */
static void remove_old(const char *dir, const mn_checkpoint *c)
{
    mn_arena a;
    mn_arena_init(&a, 0);
    uint64_t *step = NULL;
    size_t n = 0;
    const uint64_t two = 2 * (MN_CHECKPOINT_HEAD + mn_checkpoint_params(c) * 12);
    const size_t first = !c->tune.tuned, others = has_room(dir, two) ? c->history : 0;
    const size_t most =
        MN_CHECKPOINT_LAST + (c->tune.tuned ? 0 : 2 + (size_t)(c->stable > 0) + others);
    mn_rc rc = mn_checkpoint_steps(dir, &a, &step, &n, NULL);
    while (rc == MN_OK && n > most) {
        size_t i = first ? first_to_go(step, n, c) : 0;
        if (i == n) break;
        char *path = mn_checkpoint_path(&a, dir, step[i]);
        if (path) unlink(path);
        memmove(&step[i], &step[i + 1], (n - i - 1) * sizeof *step);
        n--;
    }
    mn_arena_release(&a);
}

mn_rc mn_checkpoint_save(const char *dir, mn_checkpoint *c, const float *all, const mn_optim *o,
                         mn_err *e)
{
    uint8_t head[MN_CHECKPOINT_HEAD] = {0};
    memcpy(head, magic, sizeof magic);
    io x = {.at = head + sizeof magic, .writing = true};
    io_head(&x, c);
    MN_ASSERT(x.at <= head + sizeof head && o->n == mn_checkpoint_params(c));
    const size_t n = (size_t)o->n * sizeof(float);
    mn_sha256 h;
    MN_TRY(mn_sha256_init(&h, e));
    mn_sha256_add(&h, head, sizeof head);
    mn_sha256_add(&h, all, n);
    mn_sha256_add(&h, o->m, 2 * n);
    uint8_t self[32];
    mn_sha256_done(&h, self);
    MN_TRY(mn_fs_mkdirs(dir, e));
    mn_arena a;
    mn_arena_init(&a, 0);
    char *path = mn_checkpoint_path(&a, dir, c->step);
    const mn_st_piece pieces[] = {{head, sizeof head}, {all, n}, {o->m, 2 * n}, {self, 32}};
    mn_rc rc = path ? mn_st_write_pieces(path, pieces, 4, e)
                    : mn_fail(e, MN_E_NOMEM, "no memory to write a checkpoint");
    mn_arena_release(&a);
    if (rc != MN_OK) return rc;
    memcpy(c->self, self, 32);
    remove_old(dir, c);
    return MN_OK;
}

/* ---- reading --------------------------------------------------------------------------------------------------------------- */

static bool is_v1(const mn_fs_map *map)
{
    return map->len >= sizeof magic_1 && memcmp(map->ptr, magic_1, sizeof magic_1) == 0;
}

static size_t head_bytes(const mn_fs_map *map)
{
    return is_v1(map) ? MN_CHECKPOINT_HEAD_1 : MN_CHECKPOINT_HEAD;
}

/* Header of a mapped file, checked against the file's size. */
static mn_rc read_head(const mn_fs_map *map, const char *name, mn_checkpoint *ret, mn_err *e)
{
    uint8_t head[MN_CHECKPOINT_HEAD] = {0};
    const size_t size = head_bytes(map);
    if (map->len < size + 32 || (!is_v1(map) && memcmp(map->ptr, magic, sizeof magic) != 0))
        return mn_fail(e, MN_E_CORRUPT, "'%s' is not a checkpoint", name);
    memcpy(head, map->ptr, size);
    mn_checkpoint c = {0};
    io x = {.at = head + sizeof magic};
    io_head(&x, &c);
    mn_err why = {0};
    if (mn_config_check(&c.cfg, &why) != MN_OK)
        return mn_fail(e, MN_E_CORRUPT, "checkpoint '%s' is damaged: %s", name, why.msg);
    if (c.recipe.decay < 0)
        return mn_fail(e, MN_E_CORRUPT, "checkpoint '%s' is damaged: no such optimiser", name);
    if (c.tune.rank > MN_LORA_RANK_MAX || c.tune.targets & ~(uint64_t)MN_LORA_ALL)
        return mn_fail(e, MN_E_CORRUPT, "checkpoint '%s' is damaged: no such adapter", name);
    if (map->len != size + mn_checkpoint_params(&c) * 12 + 32)
        return mn_fail(e, MN_E_CORRUPT, "checkpoint '%s' is cut short", name);
    memcpy(c.self, map->ptr + map->len - 32, 32);
    *ret = c;
    return MN_OK;
}

static mn_rc check_hash(const mn_fs_map *map, const char *name, mn_err *e)
{
    uint8_t self[32];
    mn_sha256_of(map->ptr, map->len - 32, self);
    if (memcmp(self, map->ptr + map->len - 32, 32) == 0) return MN_OK;
    return mn_fail(e, MN_E_CORRUPT, "checkpoint '%s' is damaged: its hash does not fit", name);
}

static mn_rc load_into(const mn_fs_map *map, const char *name, mn_checkpoint *ret, float *all,
                       mn_optim *o, mn_err *e)
{
    mn_checkpoint c;
    MN_TRY(read_head(map, name, &c, e));
    MN_TRY(check_hash(map, name, e));
    if (mn_checkpoint_params(&c) != o->n)
        return mn_fail(e, MN_E_CORRUPT, "checkpoint '%s' is of another shape", name);
    const size_t n = (size_t)o->n * sizeof(float);
    const uint8_t *body = map->ptr + head_bytes(map);
    memcpy(all, body, n);
    memcpy(o->m, body + n, 2 * n);
    *ret = c;
    return MN_OK;
}

/* Maps checkpoint `name` and reads it: the header, or with `all` the rest too. */
static mn_rc read_one(mn_arena *a, const char *dir, const char *name, mn_checkpoint *ret,
                      float *all, mn_optim *o, mn_err *e)
{
    mn_fs_map map = {0};
    char *path = mn_fs_join(a, dir, name);
    if (!path) return mn_fail(e, MN_E_NOMEM, "no memory to read a checkpoint");
    MN_TRY(mn_fs_map_open(path, &map, e));
    mn_rc rc = all ? load_into(&map, name, ret, all, o, e) : read_head(&map, name, ret, e);
    mn_fs_map_close(&map);
    return rc;
}

static mn_rc newest(const char *dir, mn_checkpoint *ret, float *all, mn_optim *o,
                    bool *ret_skipped, mn_err *e)
{
    mn_arena a;
    mn_arena_init(&a, 0);
    char **names = NULL;
    size_t n = 0;
    mn_rc rc = list(dir, &a, &names, &n, e);
    if (rc == MN_OK && !n) rc = mn_fail(e, MN_E_NOT_FOUND, "no checkpoint in '%s'", dir);
    for (size_t i = n; i-- > 0;) {
        rc = read_one(&a, dir, names[i], ret, all, o, e);
        if (rc != MN_E_CORRUPT) break;
        if (ret_skipped) *ret_skipped = true;
    }
    mn_arena_release(&a);
    return rc;
}

/* As read_one, by the step. */
static mn_rc read_at(const char *dir, uint64_t step, mn_checkpoint *ret, float *all,
                     mn_optim *o, mn_err *e)
{
    mn_arena a;
    mn_arena_init(&a, 0);
    char *path = mn_checkpoint_path(&a, dir, step);
    mn_rc rc = path ? read_one(&a, dir, mn_fs_base(path), ret, all, o, e)
                    : mn_fail(e, MN_E_NOMEM, "no memory to read a checkpoint");
    mn_arena_release(&a);
    return rc;
}

mn_rc mn_checkpoint_load_at(const char *dir, uint64_t step, mn_checkpoint *ret, float *all,
                            mn_optim *o, mn_err *e)
{
    return read_at(dir, step, ret, all, o, e);
}

mn_rc mn_checkpoint_peek_at(const char *dir, uint64_t step, mn_checkpoint *ret, mn_err *e)
{
    return read_at(dir, step, ret, NULL, NULL, e);
}

mn_rc mn_checkpoint_check(const char *dir, uint64_t step, mn_err *e)
{
    mn_arena a;
    mn_fs_map map = {0};
    mn_checkpoint c;
    mn_arena_init(&a, 0);
    char *path = mn_checkpoint_path(&a, dir, step);
    mn_rc rc = path ? mn_fs_map_open(path, &map, e)
                    : mn_fail(e, MN_E_NOMEM, "no memory to read a checkpoint");
    if (rc == MN_OK) {
        rc = read_head(&map, mn_fs_base(path), &c, e);
        if (rc == MN_OK) rc = check_hash(&map, mn_fs_base(path), e);
        mn_fs_map_close(&map);
    }
    mn_arena_release(&a);
    return rc;
}

mn_rc mn_checkpoint_peek(const char *dir, mn_checkpoint *ret, mn_err *e)
{
    return newest(dir, ret, NULL, NULL, NULL, e);
}

mn_rc mn_checkpoint_load(const char *dir, mn_checkpoint *ret, float *all, mn_optim *o,
                         bool *ret_skipped, mn_err *e)
{
    *ret_skipped = false;
    return newest(dir, ret, all, o, ret_skipped, e);
}
