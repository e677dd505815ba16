/* Opening a model, whatever the form; views of its weights. open_gguf.c and open_folder.c read the two forms. */
#include "model/open.h"

#include <math.h>
#include <string.h>
#include <sys/mman.h>

#include "model/open_int.h"

#define ARENA_MAX (1u << 30)

/* ---- views -------------------------------------------------------------------------------------------------------- */

uint32_t mn_view_row(const void *view, uint32_t n)
{
    const mn_tensor_view *v = view;
    if (!v->alternate) return n;
    uint32_t half = v->alternate / 2, head = n / v->alternate, r = n % v->alternate;
    return head * v->alternate + 2 * (r % half) + r / half;
}

void mn_view_read_row(const mn_tensor_view *v, uint32_t n, float *ret)
{
    uint32_t len = v->cols ? v->cols : v->rows;
    size_t bytes = mn_qformat_row_bytes(mn_qformat_of(v->type), len);
    mn_dequant(v->type, v->data + bytes * (v->cols ? mn_view_row(v, n) : 0), ret, len);
}

mn_tensor_view *mn_model__view(mn_model *m, const mn_tensor *t)
{
    switch (t->part) {
    case MN_PART_EMBED:
        return &m->embed;
    case MN_PART_NORM:
        return &m->norm;
    case MN_PART_HEAD:
        break;
#define PART(part, member)                                                                     \
    case MN_PART_##part:                                                                       \
        return &m->layers[t->layer].member;
        MN_LAYER_PARTS(PART)
#undef PART
    }
    return &m->head;
}

bool mn_model__fits(const mn_tensor *t, uint32_t rank, uint64_t rows, uint64_t cols)
{
    return t->cols ? rank == 2 && rows == t->rows && cols == t->cols
                   : rank == 1 && rows == t->rows;
}

/* ---- helpers of the two forms -------------------------------------------------------------------------------------- */

mn_rc mn_model__layers(mn_model *m, mn_err *e)
{
    m->layers = mn_arena_calloc(&m->map->arena, m->cfg.L, sizeof *m->layers);
    return m->layers ? MN_OK : mn_fail(e, MN_E_NOMEM, "no memory to open the model");
}

mn_rc mn_model__map(mn_model *m, const char *path, mn_fs_map *ret, mn_err *e)
{
    struct mn_model_map *map = m->map;
    mn_fs_map *maps = mn_reallocarray(map->maps, map->n_maps + 1, sizeof *maps);
    if (maps) map->maps = maps;
    char **paths = mn_reallocarray(map->paths, map->n_maps + 1, sizeof *paths);
    if (paths) map->paths = paths;
    char *copy = mn_arena_strndup(&map->arena, path, strlen(path));
    if (!maps || !paths || !copy) return mn_fail(e, MN_E_NOMEM, "no memory to open the model");
    map->paths[map->n_maps] = copy;
    MN_TRY(mn_fs_map_open(path, &map->maps[map->n_maps], e));
    *ret = map->maps[map->n_maps++];
    return MN_OK;
}

void mn_model__add_end(mn_model *m, uint64_t id)
{
    if (id >= m->cfg.V || m->n_end_ids == sizeof m->end_ids / sizeof *m->end_ids) return;
    for (size_t i = 0; i < m->n_end_ids; i++)
        if (m->end_ids[i] == id) return;
    m->end_ids[m->n_end_ids++] = (uint32_t)id;
}

mn_rc mn_model__read(mn_model *m, const char *dir, const char *name, size_t max, mn_str *ret,
                     mn_err *e)
{
    mn_buf b;
    mn_err mine = {0};
    const char *path = mn_fs_join(&m->map->arena, dir, name);
    *ret = MN_STR_NONE;
    if (!path) return mn_fail(e, MN_E_NOMEM, "no memory to open the model");
    mn_buf_init(&b, max);
    mn_rc rc = mn_fs_read(path, max, &b, &mine);
    if (rc == MN_OK) {
        *ret = mn_str_dup(&m->map->arena, mn_buf_str(&b));
        if (!ret->ptr) rc = mn_fail(e, MN_E_NOMEM, "no memory to open the model");
    } else if (rc == MN_E_NOT_FOUND) {
        rc = MN_OK;
    } else if (e) {
        *e = mine;
    }
    mn_buf_release(&b);
    return rc;
}

/* ---- all ---------------------------------------------------------------------------------------------------------- */

static mn_rc open_any(mn_model *m, const char *path, mn_err *e)
{
    mn_arena *a = &m->map->arena;
    const char *inside = mn_fs_join(a, path, "model.gguf"),
               *copy = mn_arena_strndup(a, path, strlen(path));
    if (!inside || !copy) return mn_fail(e, MN_E_NOMEM, "no memory to open the model");
    m->path = copy;
    if (!mn_fs_is_dir(path)) return mn_model__open_gguf(m, path, e);
    if (!mn_fs_exists(inside)) return mn_model__open_folder(m, path, e);
    MN_TRY(mn_model__open_gguf(m, inside, e));
    return mn_model__read_origin(m, path, e);
}

mn_rc mn_model__new(mn_model **ret, mn_err *e)
{
    mn_model *m = mn_calloc(1, sizeof *m);
    struct mn_model_map *map = mn_calloc(1, sizeof *map);
    if (!m || !map) {
        mn_free(m);
        mn_free(map);
        return mn_fail(e, MN_E_NOMEM, "no memory to open the model");
    }
    m->map = map;
    mn_arena_init(&map->arena, ARENA_MAX);
    *ret = m;
    return MN_OK;
}

static mn_rc open_model(const char *path, bool weights_only, mn_model **ret, mn_err *e)
{
    mn_model *m;
    MN_TRY(mn_model__new(&m, e));
    m->map->weights_only = weights_only;
    mn_rc rc = mn_fs_exists(path)
                   ? open_any(m, path, e)
                   : mn_fail(e, MN_E_NOT_FOUND, "there is no file or folder of that name");
    if (rc == MN_OK && m->tok && mn_tok_vocab(m->tok) > m->cfg.V)
        rc = mn_fail(e, MN_E_CORRUPT, "the tokenizer has %u tokens but the model knows %u",
                     mn_tok_vocab(m->tok), m->cfg.V);
    if (rc != MN_OK) {
        mn_err_wrap(e, "model '%s'", path);
        mn_model_free(m);
        return rc;
    }
    *ret = m;
    return MN_OK;
}

mn_rc mn_model_open(const char *path, mn_model **ret, mn_err *e)
{
    return open_model(path, false, ret, e);
}

mn_rc mn_model_open_weights(const char *path, mn_model **ret, mn_err *e)
{
    return open_model(path, true, ret, e);
}

mn_rc mn_model_form(const mn_model *m, mn_docform *ret, mn_err *e)
{
    return mn_docform_of(m->tok, m->n_end_ids ? m->end_ids[0] : MN_DOCFORM_NONE, ret, e);
}

mn_qtype mn_model_format(const mn_model *m)
{
    uint64_t bytes[64] = {0}, most = 0;
    mn_qtype best = m->embed.type;
    mn_model *views =
        (mn_model *)(uintptr_t)m; /* mn_model__view gives places; none is written */
    mn_tensor t;
    for (uint64_t i = 0; mn_tensor_at(&m->cfg, i, &t); i++) {
        const mn_tensor_view *v = mn_model__view(views, &t);
        if (!t.cols || t.part == MN_PART_EMBED || t.part == MN_PART_HEAD) continue;
        bytes[v->type] += mn_qformat_row_bytes(mn_qformat_of(v->type), t.cols) * t.rows;
        if (bytes[v->type] <= most) continue;
        most = bytes[v->type];
        best = v->type;
    }
    return best;
}

void mn_model_free(mn_model *m)
{
    if (!m) return;
    for (size_t i = 0; i < m->map->n_maps; i++) mn_fs_map_close(&m->map->maps[i]);
    mn_free(m->map->maps);
    mn_free(m->map->paths);
    mn_arena_release(&m->map->arena);
    mn_free(m->map);
    mn_tok_free(m->tok);
    mn_free(m);
}

void mn_model_rope(const mn_model *m, double *ret)
{
    mn_config_rope(&m->cfg, ret);
    for (uint32_t i = 0; m->map->stretch && i < m->cfg.D / 2; i++) ret[i] /= m->map->stretch[i];
}

void mn_model_drop_pages(const mn_model *m)
{
    for (size_t i = 0; i < m->map->n_maps; i++) mn_fs_map_rest(&m->map->maps[i]);
}
