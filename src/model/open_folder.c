/* A Hugging Face folder as a model: config.json, model.safetensors or the shards that model.safetensors.index.json names, the tokenizer,
 * generation_config.json, the chat template (chat_template.jinja, or a key of tokenizer_config.json), and where it came from. */
#include <stdlib.h>
#include <string.h>

#include "model/open_int.h"
#include "model/safetensors.h"

#define CONFIG_MAX (4u << 20)
#define INDEX_MAX  (32u << 20)

/* All tensors of all shards, sorted by name. */
typedef struct table {
    const mn_st_tensor **items;
    size_t n;
    bool *used;
} table;

static mn_rc no_memory(mn_err *e)
{
    return mn_fail(e, MN_E_NOMEM, "no memory to open the model");
}

/* ---- shards --------------------------------------------------------------------------------------------------------- */

/* The name of a file in the same folder, nothing else. */
static bool plain_name(mn_str s)
{
    if (s.len < 1 || s.len > 200 || s.ptr[0] == '.') return false;
    for (size_t i = 0; i < s.len; i++)
        if ((uint8_t)s.ptr[i] < 32 || s.ptr[i] == 127 || s.ptr[i] == '/' || s.ptr[i] == '\\')
            return false;
    return mn_str_ends(s, ".safetensors");
}

static int by_text(const void *a, const void *b)
{
    return mn_str_cmp(*(const mn_str *)a, *(const mn_str *)b);
}

mn_rc mn_model__shard_names(mn_str index, mn_arena *a, mn_str **ret, size_t *ret_n, mn_err *e)
{
    mn_json *tree = NULL;
    mn_rc rc = mn_json_parse(index, a, &tree, e);
    if (rc != MN_OK) return mn_err_wrap(e, "model.safetensors.index.json");
    const mn_json *map = mn_json_get(tree, "weight_map");
    if (!map || map->type != MN_JSON_OBJECT || map->n == 0)
        return mn_fail(e, MN_E_PARSE, "model.safetensors.index.json has no weight_map");
    mn_str *names = mn_arena_alloc(a, map->n * sizeof *names);
    if (!names) return no_memory(e);
    size_t n = 0;
    for (size_t i = 0; i < map->n; i++) {
        names[i] = mn_json_str(map->items[i]);
        if (!plain_name(names[i]))
            return mn_fail(e, MN_E_PARSE,
                           "model.safetensors.index.json: '%.*s' is not the name of a "
                           ".safetensors file in the folder",
                           MN_STR_FMT(names[i]));
    }
    qsort(names, map->n, sizeof *names, by_text);
    for (size_t i = 0; i < map->n; i++)
        if (!n || !mn_str_eq(names[n - 1], names[i])) names[n++] = names[i];
    if (n > MN_SHARDS_MAX)
        return mn_fail(e, MN_E_LIMIT, "the model is in %zu files, at most %u are read", n,
                       MN_SHARDS_MAX);
    *ret = names;
    *ret_n = n;
    return MN_OK;
}

static mn_rc open_shard(mn_model *m, const char *dir, mn_str name, mn_st *ret, mn_err *e)
{
    mn_arena *a = &m->map->arena;
    mn_fs_map map;
    mn_str z = mn_str_dup(a, name);
    char *path = z.ptr ? mn_fs_join(a, dir, z.ptr) : NULL;
    if (!path) return no_memory(e);
    MN_TRY(mn_model__map(m, path, &map, e));
    mn_rc rc = mn_st_parse(map.ptr, map.len, a, ret, e);
    return rc == MN_OK ? rc : mn_err_wrap(e, "%s", z.ptr);
}

static int by_name(const void *a, const void *b)
{
    return mn_str_cmp((*(const mn_st_tensor *const *)a)->name,
                      (*(const mn_st_tensor *const *)b)->name);
}

static mn_rc make_table(const mn_st *shards, size_t n_shards, mn_arena *a, table *ret,
                        mn_err *e)
{
    table t = {0};
    size_t n = 0;
    for (size_t i = 0; i < n_shards; i++) n += shards[i].n;
    t.items = mn_arena_alloc(a, (n + 1) * sizeof *t.items);
    t.used = mn_arena_calloc(a, n + 1, sizeof *t.used);
    if (!t.items || !t.used) return no_memory(e);
    for (size_t i = 0; i < n_shards; i++)
        for (size_t k = 0; k < shards[i].n; k++) t.items[t.n++] = &shards[i].items[k];
    if (n) qsort(t.items, n, sizeof *t.items, by_name);
    for (size_t i = 1; i < n; i++)
        if (mn_str_eq(t.items[i - 1]->name, t.items[i]->name))
            return mn_fail(e, MN_E_PARSE, "the tensor '%.*s' is in two files",
                           MN_STR_FMT(t.items[i]->name));
    *ret = t;
    return MN_OK;
}

static mn_rc open_tensors(mn_model *m, const char *dir, table *ret, mn_err *e)
{
    mn_arena *a = &m->map->arena;
    mn_str one = MN_STR("model.safetensors"), *names = &one, index = MN_STR_NONE;
    size_t n = 1;
    const char *single = mn_fs_join(a, dir, one.ptr);
    if (!single) return no_memory(e);
    if (!mn_fs_exists(single))
        MN_TRY(mn_model__read(m, dir, "model.safetensors.index.json", INDEX_MAX, &index, e));
    if (index.ptr) MN_TRY(mn_model__shard_names(index, a, &names, &n, e));
    mn_st *shards = mn_arena_calloc(a, n, sizeof *shards);
    if (!shards) return no_memory(e);
    for (size_t i = 0; i < n; i++) MN_TRY(open_shard(m, dir, names[i], &shards[i], e));
    return make_table(shards, n, a, ret, e);
}

/* ---- tensors -------------------------------------------------------------------------------------------------------- */

static size_t find(const table *t, mn_str name)
{
    mn_st_tensor key = {.name = name};
    const mn_st_tensor *want = &key, **at = NULL;
    if (t->n) at = bsearch(&want, t->items, t->n, sizeof *t->items, by_name);
    return at ? (size_t)(at - t->items) : SIZE_MAX;
}

static mn_rc read_tensor(mn_model *m, const table *all, const mn_tensor *want, mn_err *e)
{
    size_t at = find(all, mn_str_from(want->name));
    if (at == SIZE_MAX)
        return mn_fail(e, MN_E_PARSE, "model.safetensors has no tensor '%s'", want->name);
    const mn_st_tensor *t = all->items[at];
    if (!mn_model__fits(want, t->rank, t->shape[0], t->shape[1]))
        return mn_fail(e, MN_E_PARSE,
                       "model.safetensors: '%s' has not the shape that config.json asks for",
                       want->name);
    *mn_model__view(m, want) =
        (mn_tensor_view){mn_st_qtype(t->type), want->rows, want->cols, t->data, 0};
    m->bytes += t->to - t->from;
    all->used[at] = true;
    return MN_OK;
}

/* Tensors that Hugging Face folders may hold and that say nothing new. */
static bool is_redundant(const mn_config *c, mn_str name)
{
    return mn_str_ends(name, ".rotary_emb.inv_freq") ||
           (c->tied && mn_str_eqz(name, "lm_head.weight"));
}

static mn_rc read_tensors(mn_model *m, const table *all, mn_err *e)
{
    mn_tensor want;
    for (uint64_t i = 0; mn_tensor_at(&m->cfg, i, &want); i++)
        MN_TRY(read_tensor(m, all, &want, e));
    for (size_t i = 0; i < all->n; i++)
        if (!all->used[i] && !is_redundant(&m->cfg, all->items[i]->name))
            return mn_fail(e, MN_E_UNSUPPORTED,
                           "model.safetensors: the tensor '%.*s' does not belong to this "
                           "architecture",
                           MN_STR_FMT(all->items[i]->name));
    return MN_OK;
}

/* ---- what stands beside ---------------------------------------------------------------------------------------------- */

/* A file of the folder as a tree; NULL when it is not there. */
static mn_rc read_json(mn_model *m, const char *dir, const char *name, const mn_json **ret,
                       mn_err *e)
{
    mn_str text;
    mn_json *tree = NULL;
    MN_TRY(mn_model__read(m, dir, name, CONFIG_MAX, &text, e));
    if (text.ptr) {
        mn_rc rc = mn_json_parse(text, &m->map->arena, &tree, e);
        if (rc != MN_OK) return mn_err_wrap(e, "%s", name);
    }
    *ret = tree;
    return MN_OK;
}

/* "eos_token_id": a number or several. */
static void add_ends(mn_model *m, const mn_json *config)
{
    const mn_json *v = mn_json_get(config, "eos_token_id");
    if (!v) return;
    if (v->type == MN_JSON_NUMBER) mn_model__add_end(m, mn_json_u64(v, UINT64_MAX));
    for (size_t i = 0; v->type == MN_JSON_ARRAY && i < v->n; i++)
        mn_model__add_end(m, mn_json_u64(v->items[i], UINT64_MAX));
}

static mn_rc read_ends(mn_model *m, const char *dir, const mn_json *config, mn_err *e)
{
    const mn_json *generation;
    MN_TRY(read_json(m, dir, "generation_config.json", &generation, e));
    add_ends(m, generation);
    add_ends(m, config);
    return MN_OK;
}

/* A text, or a list of named ones of which "default" counts. */
static mn_str template_of(const mn_json *v)
{
    for (size_t i = 0; v && v->type == MN_JSON_ARRAY && i < v->n; i++)
        if (mn_str_eqz(mn_json_str(mn_json_get(v->items[i], "name")), "default"))
            return mn_json_str(mn_json_get(v->items[i], "template"));
    return mn_json_str(v);
}

static mn_rc read_template(mn_model *m, const char *dir, mn_err *e)
{
    const mn_json *j;
    MN_TRY(mn_model__read(m, dir, "chat_template.jinja", CONFIG_MAX, &m->chat_template, e));
    if (m->chat_template.ptr) return MN_OK;
    MN_TRY(read_json(m, dir, "tokenizer_config.json", &j, e));
    m->chat_template = template_of(mn_json_get(j, "chat_template"));
    return MN_OK;
}

/* A line "key: value" of the YAML between the two lines "---" at the top, without quotes. */
static mn_str front_matter(mn_str text, const char *key)
{
    mn_str rest = text, line = mn_str_split(rest, '\n', &rest);
    if (!mn_str_eqz(mn_str_trim(line), "---")) return MN_STR_NONE;
    while (rest.ptr) {
        mn_str value;
        line = mn_str_split(rest, '\n', &rest);
        if (mn_str_eqz(mn_str_trim(line), "---")) break;
        mn_str name = mn_str_split(line, ':', &value);
        if (!mn_str_eqz(name, key) || !value.ptr) continue;
        value = mn_str_trim(value);
        if (value.len > 1 && (value.ptr[0] == '"' || value.ptr[0] == '\'') &&
            value.ptr[value.len - 1] == value.ptr[0])
            value = mn_str_sub(value, 1, value.len - 2);
        return value.len ? value : MN_STR_NONE;
    }
    return MN_STR_NONE;
}

static mn_str first_of(mn_str a, mn_str b)
{
    return a.ptr ? a : b;
}

mn_rc mn_model__read_origin(mn_model *m, const char *dir, mn_err *e)
{
    const mn_json *o;
    mn_str card;
    MN_TRY(read_json(m, dir, "origin.json", &o, e));
    MN_TRY(mn_model__read(m, dir, "README.md", CONFIG_MAX, &card, e));
    m->licence = first_of(mn_json_str(mn_json_get(o, "licence")), m->licence);
    m->author = first_of(mn_json_str(mn_json_get(o, "author")), m->author);
    m->origin = first_of(mn_json_str(mn_json_get(o, "source")), m->origin);
    m->licence = first_of(m->licence, front_matter(card, "license_name"));
    m->licence = first_of(m->licence, front_matter(card, "license"));
    m->origin = first_of(m->origin, front_matter(card, "origin"));
    m->origin = first_of(m->origin, front_matter(card, "base_model"));
    m->author = first_of(m->author, front_matter(card, "author"));
    return MN_OK;
}

/* ---- all ------------------------------------------------------------------------------------------------------------ */

mn_rc mn_model__open_folder(mn_model *m, const char *dir, mn_err *e)
{
    mn_arena *a = &m->map->arena;
    mn_str config;
    mn_json *tree = NULL;
    table all = {0};
    MN_TRY(mn_model__read(m, dir, "config.json", CONFIG_MAX, &config, e));
    if (!config.ptr)
        return mn_fail(e, MN_E_NOT_FOUND,
                       "the folder has neither config.json nor model.gguf: it is not a model");
    MN_TRY(mn_config_parse(config, &m->cfg, e));
    MN_TRY(mn_json_parse(config, a, &tree, e));
    MN_TRY(open_tensors(m, dir, &all, e));
    MN_TRY(mn_model__layers(m, e));
    MN_TRY(read_tensors(m, &all, e));
    m->name = mn_str_from(mn_fs_base(m->path));
    MN_TRY(read_ends(m, dir, tree, e));
    MN_TRY(read_template(m, dir, e));
    MN_TRY(mn_model__read_origin(m, dir, e));
    return m->map->weights_only ? MN_OK : mn_tok_load_dir(dir, &m->tok, e);
}
