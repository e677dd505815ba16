/* Models opened, written and brought in, in every form: with a tiny model made here, and with SmolLM2 where it can be had. */
#include "test.h"

#include <math.h>
#include <time.h>

#include "base/json.h"
#include "model/export.h"
#include "model/gguf.h"
#include "model/safetensors.h"
#include "model/weights.h"

static mn_err e;
static char dir[64]; /* removed at the end */

static const char *path_of(const char *name)
{
    static char paths[8][200];
    static int next;
    char *p = paths[next++ % 8];
    snprintf(p, sizeof *paths, "%s/%s", dir, name);
    return p;
}

static void put(const char *folder, const char *name, const char *text)
{
    char p[300];
    RUN(mn_fs_mkdirs(path_of(folder), &e));
    snprintf(p, sizeof p, "%s/%s", path_of(folder), name);
    RUN(mn_fs_write_atomic(p, text, strlen(text), &e));
}

static void drop(const char *folder, const char *name)
{
    char p[300];
    snprintf(p, sizeof p, "%s/%s", path_of(folder), name);
    OK(unlink(p) == 0);
}

static bool there(const char *folder, const char *name)
{
    char p[300];
    snprintf(p, sizeof p, "%s/%s", path_of(folder), name);
    return mn_fs_exists(p);
}

/* ---- a tiny model ---- */

static void save_tokenizer(const char *folder)
{
    mn_tok_trainer *t;
    mn_tokenizer *tok;
    char p[300];
    snprintf(p, sizeof p, "%s/tokenizer.json", path_of(folder));
    RUN(mn_tok_trainer_new(&t, &e));
    for (int i = 0; i < 3; i++)
        RUN(mn_tok_trainer_add(t, MN_STR("the cat and the hat and the bat sat on the mat"),
                               &e));
    RUN(mn_tok_trainer_finish(t, 400, &tok, &e));
    RUN(mn_tok_save(tok, p, &e));
    mn_tok_free(tok);
    mn_tok_trainer_free(t);
}

static const mn_config tiny = {.V = 400,
                               .C = 64,
                               .L = 2,
                               .H = 4,
                               .KV = 2,
                               .D = 16,
                               .F = 96,
                               .T = 128,
                               .rope_theta = 10000,
                               .eps = 1e-5f,
                               .tied = true};

static void make(const char *folder, const mn_config *c)
{
    mn_weights w;
    RUN(mn_fs_mkdirs(path_of(folder), &e));
    RUN(mn_weights_new(c, &w, &e));
    mn_weights_init(&w, 11);
    for (uint32_t i = 0; i < c->C; i++) w.norm[i] = 1 + 0.01f * (float)i;
    RUN(mn_weights_save(&w, path_of(folder), &e));
    mn_weights_release(&w);
    save_tokenizer(folder);
}

static bool same_weights(const char *a, const char *b)
{
    mn_weights x, y;
    RUN(mn_weights_load(a, &x, &e));
    RUN(mn_weights_load(b, &y, &e));
    bool same = x.n_all == y.n_all && memcmp(x.all, y.all, x.n_all * 4) == 0;
    mn_weights_release(&x);
    mn_weights_release(&y);
    return same;
}

/* The folder is refused, with these words. */
static void refused(const char *path, mn_rc code, const char *words)
{
    mn_model *m = NULL;
    e = (mn_err){0};
    mn_rc rc = mn_model_open(path, &m, &e);
    if (rc != code || !strstr(e.msg, words))
        fail_msg("%s '%s', expected %s '%s'", mn_rc_name(rc), e.msg, mn_rc_name(code), words);
    OK(!m);
}

/* ---- folders ---- */

static void a_folder_opens_as_views_of_its_weights(void **state)
{
    (void)state;
    mn_model *m;
    mn_weights w;
    float row[96];
    make("a", &tiny);
    RUN(mn_model_open(path_of("a"), &m, &e));
    RUN(mn_weights_load(path_of("a"), &w, &e));
    OK(m->cfg.C == 64 && m->cfg.V == 400 && mn_tok_vocab(m->tok) <= 400);
    OK(!m->head.data && m->embed.type == MN_Q_F32 && m->embed.rows == 400 &&
       m->embed.cols == 64);
    OK(m->bytes == w.n_all * 4 && mn_model_format(m) == MN_Q_F32);
    mn_view_read_row(&m->layers[1].wd, 5, row);
    OK(memcmp(row, w.layers[1].wd + 5 * 96, 96 * 4) == 0);
    mn_view_read_row(&m->norm, 0, row);
    OK(memcmp(row, w.norm, 64 * 4) == 0);
    OK(m->n_end_ids == 1 && m->end_ids[0] == MN_TOK_END && !m->chat_template.ptr);
    IS(m->name, "a");
    mn_model_drop_pages(m);
    mn_view_read_row(&m->norm, 0, row);
    OK(memcmp(row, w.norm, 64 * 4) == 0);
    mn_weights_release(&w);
    mn_model_free(m);
}

static void what_stands_beside_the_weights_is_read(void **state)
{
    (void)state;
    mn_model *m;
    make("b", &tiny);
    put("b", "generation_config.json", "{\"eos_token_id\":[7,9,7,100000]}");
    put("b", "tokenizer_config.json",
        "{\"tokenizer_class\":\"PreTrainedTokenizerFast\",\"chat_template\":["
        "{\"name\":\"tool_use\",\"template\":\"T\"},{\"name\":\"default\",\"template\":\"D\"}]"
        "}");
    put("b", "README.md",
        "---\nlanguage: en\nlicense: \"mit\"\nbase_model: x/y\n---\nlicense: no\n");
    RUN(mn_model_open(path_of("b"), &m, &e));
    OK(m->n_end_ids == 3 && m->end_ids[0] == 7 && m->end_ids[1] == 9 && m->end_ids[2] == 1);
    IS(m->chat_template, "D");
    IS(m->licence, "mit");
    IS(m->origin, "x/y");
    mn_model_free(m);
    put("b", "chat_template.jinja", "{{ messages }}");
    put("b", "origin.json", "{\"source\":\"s\",\"licence\":\"l\",\"author\":\"a\"}");
    RUN(mn_model_open(path_of("b"), &m, &e));
    IS(m->chat_template, "{{ messages }}");
    IS(m->licence, "l");
    IS(m->origin, "s");
    IS(m->author, "a");
    mn_model_free(m);
    put("b", "generation_config.json", "{\"eos_token_id\":[7,");
    refused(path_of("b"), MN_E_PARSE, "generation_config.json");
}

/* model.safetensors of folder `from` as two files and an index, `index` when given. */
static void shard(const char *from, const char *index)
{
    mn_fs_map map;
    mn_arena a;
    mn_st st;
    mn_buf part[2], names;
    char p[300];
    mn_arena_init(&a, 0);
    snprintf(p, sizeof p, "%s/model.safetensors", path_of(from));
    RUN(mn_fs_map_open(p, &map, &e));
    RUN(mn_st_parse(map.ptr, map.len, &a, &st, &e));
    mn_buf_init(&names, 0);
    mn_buf_addz(&names, "{\"metadata\":{},\"weight_map\":{");
    for (size_t k = 0; k < 2; k++) {
        mn_buf head;
        uint64_t at = 0;
        mn_buf_init(&part[k], 0);
        mn_buf_init(&head, 0);
        mn_buf_addc(&head, '{');
        for (size_t i = k; i < st.n; i += 2) {
            const mn_st_tensor *t = &st.items[i];
            char shape[40] = "";
            for (uint32_t d = 0; d < t->rank; d++)
                snprintf(shape + strlen(shape), 20, d ? ",%u" : "%u", (unsigned)t->shape[d]);
            mn_buf_addf(
                &head, "%s\"%.*s\":{\"dtype\":\"F32\",\"shape\":[%s],\"data_offsets\":[%u,%u]}",
                i > k ? "," : "", MN_STR_FMT(t->name), shape, (unsigned)at,
                (unsigned)(at + t->n * 4));
            mn_buf_addf(&names, "%s\"%.*s\":\"model-%zu.safetensors\"",
                        names.len > 40 ? "," : "", MN_STR_FMT(t->name), k);
            mn_buf_add(&part[k], t->data, t->n * 4);
            at += t->n * 4;
        }
        mn_buf_addc(&head, '}');
        uint8_t size[8] = {(uint8_t)head.len, (uint8_t)(head.len >> 8)};
        snprintf(p, sizeof p, "%s/model-%zu.safetensors", path_of(from), k);
        RUN(mn_st_write_pieces(
            p, (mn_st_piece[]){{size, 8}, {head.ptr, head.len}, {part[k].ptr, part[k].len}}, 3,
            &e));
        mn_buf_release(&head);
        mn_buf_release(&part[k]);
    }
    mn_buf_addz(&names, "}}");
    put(from, "model.safetensors.index.json", index ? index : names.ptr);
    mn_buf_release(&names);
    mn_fs_map_close(&map);
    mn_arena_release(&a);
    drop(from, "model.safetensors");
}

static void a_folder_in_several_files_is_the_same_model(void **state)
{
    (void)state;
    make("whole", &tiny);
    make("parts", &tiny);
    shard("parts", NULL);
    OK(same_weights(path_of("whole"), path_of("parts")));
    RUN(mn_model_import(path_of("parts"), path_of("parts-in"), MN_STR_NONE, MN_STR_NONE, &e));
    OK(same_weights(path_of("whole"), path_of("parts-in")));
    drop("parts", "model-1.safetensors");
    refused(path_of("parts"), MN_E_NOT_FOUND, "model-1.safetensors");
}

static void an_index_leads_to_files_of_the_folder_only(void **state)
{
    (void)state;
    static const char *const names[] = {
        "../whole/model.safetensors", "/etc/x.safetensors", "a/b.safetensors",
        "a\\\\b.safetensors",         ".safetensors",       "config.json",
        "a\\u0000.safetensors",       "a\\n.safetensors",   ""};
    char index[300];
    make("tricks", &tiny);
    drop("tricks", "model.safetensors");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(index, sizeof index, "{\"weight_map\":{\"model.norm.weight\":\"%s\"}}",
                 names[i]);
        put("tricks", "model.safetensors.index.json", index);
        refused(path_of("tricks"), MN_E_PARSE, "not the name of a");
    }
    put("tricks", "model.safetensors.index.json", "{\"weight_map\":{\"a\":7}}");
    refused(path_of("tricks"), MN_E_PARSE, "not the name of a");
    put("tricks", "model.safetensors.index.json", "{\"weight_map\":{}}");
    refused(path_of("tricks"), MN_E_PARSE, "no weight_map");
    put("tricks", "model.safetensors.index.json", "[[[[");
    refused(path_of("tricks"), MN_E_PARSE, "index.json");
}

static void a_tensor_in_two_files_is_refused(void **state)
{
    (void)state;
    make("double", &tiny);
    shard("double",
          "{\"weight_map\":{\"a\":\"model-0.safetensors\",\"b\":\"copy.safetensors\"}}");
    char from[300], to[300];
    snprintf(from, sizeof from, "%s/model-0.safetensors", path_of("double"));
    snprintf(to, sizeof to, "%s/copy.safetensors", path_of("double"));
    OK(link(from, to) == 0);
    refused(path_of("double"), MN_E_PARSE, "is in two files");
}

static void what_is_no_model_is_said(void **state)
{
    (void)state;
    refused(path_of("nothing"), MN_E_NOT_FOUND, "no file or folder");
    RUN(mn_fs_mkdirs(path_of("empty"), &e));
    refused(path_of("empty"), MN_E_NOT_FOUND, "neither config.json nor model.gguf");
    put("text", "x.gguf", "hello there, this is no model");
    refused(path_of("text/x.gguf"), MN_E_PARSE, "not a GGUF file");
    put("text", "y.gguf", "");
    refused(path_of("text/y.gguf"), MN_E_PARSE, "not a GGUF file");
    make("bare", &tiny);
    drop("bare", "tokenizer.json");
    mn_model *m;
    OK(mn_model_open(path_of("bare"), &m, &e) != MN_OK);
    RUN(mn_model_open_weights(path_of("bare"), &m, &e));
    OK(!m->tok);
    mn_model_free(m);
}

/* ---- positions ---- */

static mn_config stretched(void)
{
    mn_config c = tiny;
    c.rope_theta = 500000;
    c.rope_factor = 32;
    c.rope_low = 1;
    c.rope_high = 4;
    c.rope_original = 8192;
    return c;
}

static void llama_3_stretches_slow_turns_only(void **state)
{
    (void)state;
    /* inv_freq of transformers' _compute_llama3_parameters for head_dim 16, theta 500000, factor 32, low 1, high 4, original 8192 (5.23.0) */
    static const double want[] = {
        1.0,          0.193922758,   0.0376060307,  0.00729266508,
        0.0004295567, 8.5702559e-06, 1.6619674e-06, 3.2229329e-07,
    };
    double got[8];
    mn_config c = stretched();
    mn_config_rope(&c, got);
    for (int i = 0; i < 8; i++) OK(fabs(got[i] / want[i] - 1) < 1e-5);
    c.rope_factor = 0;
    mn_config_rope(&c, got);
    for (int i = 0; i < 8; i++) OK(fabs(got[i] / pow(500000, -2.0 * i / 16) - 1) < 1e-12);
}

static void stretching_survives_every_form(void **state)
{
    (void)state;
    mn_config c = stretched();
    double want[8], got[8];
    mn_model *m;
    mn_config_rope(&c, want);
    make("far", &c);
    RUN(mn_model_open(path_of("far"), &m, &e));
    RUN(mn_model_export_gguf(m, path_of("far.gguf"), MN_QUANT_KEEP, &e));
    mn_model_free(m);
    RUN(mn_model_open(path_of("far.gguf"), &m, &e));
    OK(m->cfg.rope_factor == 32 && m->cfg.rope_original == 8192);
    mn_model_rope(m, got);
    for (int i = 0; i < 8; i++) OK(fabs(got[i] / want[i] - 1) < 1e-6);
    RUN(mn_model_export_folder(m, path_of("far-again"), MN_Q_F32, &e));
    mn_model_free(m);
    OK(same_weights(path_of("far"), path_of("far-again")));
}

static void other_bounds_than_llamas_are_kept_but_cannot_be_named(void **state)
{
    (void)state;
    mn_config c = stretched();
    double want[8], got[8];
    mn_model *m;
    mn_weights w;
    c.rope_low = 2;
    mn_config_rope(&c, want);
    make("odd", &c);
    RUN(mn_model_open(path_of("odd"), &m, &e));
    RUN(mn_model_export_gguf(m, path_of("odd.gguf"), MN_QUANT_KEEP, &e));
    mn_model_free(m);
    RUN(mn_model_open(path_of("odd.gguf"), &m, &e));
    OK(m->cfg.rope_factor == 0);
    mn_model_rope(m, got);
    for (int i = 0; i < 8; i++) OK(fabs(got[i] / want[i] - 1) < 1e-6);
    FAILS(MN_E_UNSUPPORTED, mn_model_export_folder(m, path_of("odd-again"), MN_Q_F32, &e));
    FAILS(MN_E_UNSUPPORTED, mn_weights_from(m, &w, &e));
    RUN(mn_model_export_gguf(m, path_of("odd2.gguf"), MN_QUANT_KEEP, &e));
    mn_model_free(m);
    RUN(mn_model_open(path_of("odd2.gguf"), &m, &e));
    mn_model_rope(m, got);
    for (int i = 0; i < 8; i++) OK(fabs(got[i] / want[i] - 1) < 1e-6);
    mn_model_free(m);
}

/* ---- GGUF ---- */

static void a_gguf_file_holds_the_same_model(void **state)
{
    (void)state;
    for (int tied = 0; tied < 2; tied++) {
        char gguf[30], folder[30], again[30];
        mn_config c = tiny;
        mn_model *m, *g;
        mn_ids x = {0}, y = {0};
        c.tied = tied;
        snprintf(folder, sizeof folder, "t%d", tied);
        snprintf(gguf, sizeof gguf, "t%d.gguf", tied);
        snprintf(again, sizeof again, "t%d-again", tied);
        make(folder, &c);
        put(folder, "chat_template.jinja", "{{ x }}");
        RUN(mn_model_open(path_of(folder), &m, &e));
        RUN(mn_model_export_gguf(m, path_of(gguf), MN_QUANT_KEEP, &e));
        RUN(mn_model_open(path_of(gguf), &g, &e));
        OK(g->layers[0].wq.alternate == 16 && g->layers[0].wk.alternate == 16);
        OK(!g->layers[0].wv.alternate && (g->head.data == NULL) == (tied == 1));
        OK(memcmp(&g->cfg, &m->cfg, sizeof m->cfg) == 0);
        OK(g->n_end_ids == 1 && g->end_ids[0] == MN_TOK_END);
        IS(g->chat_template, "{{ x }}");
        RUN(mn_tok_encode(m->tok, NULL, MN_STR("the cat ate 12 hats, \xf0\x9f\x90\xa6"), &x));
        RUN(mn_tok_encode(g->tok, NULL, MN_STR("the cat ate 12 hats, \xf0\x9f\x90\xa6"), &y));
        OK(x.n == y.n && memcmp(x.ptr, y.ptr, x.n * 4) == 0);
        uint8_t hash[2][32]; /* so that training may start from either */
        mn_tok_hash(m->tok, hash[0]);
        mn_tok_hash(g->tok, hash[1]);
        OK(memcmp(hash[0], hash[1], 32) == 0);
        OK(mn_tok_bos(m->tok) == mn_tok_bos(g->tok) &&
           mn_tok_eos(m->tok) == mn_tok_eos(g->tok));
        OK(same_weights(path_of(folder), path_of(gguf)));
        RUN(mn_model_export_folder(g, path_of(again), MN_Q_F32, &e));
        OK(same_weights(path_of(folder), path_of(again)));
        mn_ids_release(&x);
        mn_ids_release(&y);
        mn_model_free(g);
        mn_model_free(m);
    }
}

static void rows_of_alternating_heads_are_found(void **state)
{
    (void)state;
    mn_tensor_view v = {.alternate = 8};
    static const uint32_t want[] = {0, 2, 4, 6, 1, 3, 5, 7, 8, 10, 12, 14, 9, 11, 13, 15};
    for (uint32_t i = 0; i < 16; i++) OK(mn_view_row(&v, i) == want[i]);
    v.alternate = 0;
    OK(mn_view_row(&v, 5) == 5);
}

/* Every row of the exported matrix is what quantising that row of the model gives. */
static void check_rows(const mn_tensor_view *from, const mn_tensor_view *to)
{
    static float x[256], y[256], z[256];
    static uint8_t blocks[2048];
    for (uint32_t i = 0; i < from->rows; i++) {
        mn_view_read_row(from, i, x);
        mn_view_read_row(to, i, z);
        mn_quant(to->type, x, blocks, from->cols);
        mn_dequant(to->type, blocks, y, from->cols);
        OK(memcmp(y, z, from->cols * 4) == 0);
    }
}

static void every_format_is_written(void **state)
{
    (void)state;
    mn_config c = tiny;
    mn_model *m, *g;
    const mn_qformat *f;
    c.F = 256;
    make("q", &c);
    RUN(mn_model_open(path_of("q"), &m, &e));
    for (size_t i = 0; (f = mn_qformat_at(i)); i++) {
        RUN(mn_model_export_gguf(m, path_of("q.gguf"), f->type, &e));
        RUN(mn_model_open(path_of("q.gguf"), &g, &e));
        OK(g->layers[1].wd.type == f->type); /* 256 values a row */
        check_rows(&m->layers[1].wd, &g->layers[1].wd);
        mn_qtype short_rows = f->type == MN_Q_Q4_K   ? MN_Q_Q5_0
                              : f->type == MN_Q_Q5_K ? MN_Q_Q5_1
                              : f->type == MN_Q_Q6_K ? MN_Q_Q8_0
                                                     : f->type; /* 64 values */
        OK(g->layers[0].wq.type == short_rows && g->layers[0].norm1.type == MN_Q_F32);
        check_rows(&m->layers[0].wq, &g->layers[0].wq);
        OK(g->embed.type ==
           (f->block > 1 ? MN_Q_Q8_0 : f->type)); /* the output matrix keeps more */
        mn_model_free(g);
    }
    RUN(mn_model_export_gguf(m, path_of("q.gguf"), MN_Q_Q4_0 | MN_QUANT_PURE, &e));
    RUN(mn_model_open(path_of("q.gguf"), &g, &e));
    OK(g->embed.type == MN_Q_Q4_0);
    mn_model_free(g);
    FAILS(MN_E_USAGE, mn_model_export_gguf(m, path_of("q.gguf"), 5, &e));
    FAILS(MN_E_USAGE, mn_model_export_folder(m, path_of("qq"), MN_Q_Q8_0, &e));
    mn_model_free(m);
}

static void kept_quantised_weights_do_not_change(void **state)
{
    (void)state;
    mn_model *m;
    make("k", &tiny);
    RUN(mn_model_open(path_of("k"), &m, &e));
    RUN(mn_model_export_gguf(m, path_of("k4.gguf"), MN_Q_Q4_1, &e));
    mn_model_free(m);
    RUN(mn_model_open(path_of("k4.gguf"), &m, &e));
    RUN(mn_model_export_gguf(m, path_of("k4b.gguf"), MN_QUANT_KEEP, &e));
    RUN(mn_model_export_folder(m, path_of("k4"), MN_Q_F32, &e));
    mn_model_free(m);
    OK(same_weights(path_of("k4.gguf"), path_of("k4b.gguf")));
    OK(same_weights(path_of("k4.gguf"), path_of("k4")));
    OK(there("k4", "config.json") && there("k4", "generation_config.json") &&
       there("k4", "tokenizer.json") && there("k4", "tokenizer_config.json") &&
       there("k4", "special_tokens_map.json") && there("k4", "README.md"));
    RUN(mn_model_open(path_of("k4"), &m, &e));
    FAILS(MN_E_EXISTS, mn_model_export_folder(m, path_of("k4"), MN_Q_F32, &e));
    mn_model_free(m);
}

/* A file of the tiny model with some keys and tensors changed by `change`. */
static mn_rc sixty_four_ones(void *arg, mn_rc (*out)(void *to, const void *p, size_t n),
                             void *to, mn_err *er)
{
    float ones[64];
    (void)arg, (void)er;
    for (int i = 0; i < 64; i++) ones[i] = 1;
    return out(to, ones, sizeof ones);
}

static void odd_file(void (*change)(mn_gguf_writer *w), const char *arch)
{
    mn_gguf_writer *w;
    const uint64_t square[2] = {8, 8}, line[1] = {64};
    const mn_qformat *f = mn_qformat_of(MN_Q_F32);
    static const char *const names[] = {"attn_q",   "attn_k", "attn_v",  "attn_output",
                                        "ffn_gate", "ffn_up", "ffn_down"};
    char name[40];
    RUN(mn_gguf_writer_new(&w, &e));
    mn_gguf_put_str(w, "general.architecture", mn_str_from(arch));
    mn_gguf_put_u32(w, "llama.block_count", 1);
    mn_gguf_put_u32(w, "llama.context_length", 16);
    mn_gguf_put_u32(w, "llama.embedding_length", 8);
    mn_gguf_put_u32(w, "llama.feed_forward_length", 8);
    mn_gguf_put_u32(w, "llama.attention.head_count", 2);
    if (change) change(w);
    mn_gguf_put_tensor(w, "token_embd.weight", f, 2, square, sixty_four_ones, NULL);
    for (size_t i = 0; i < 7; i++) {
        snprintf(name, sizeof name, "blk.0.%s.weight", names[i]);
        mn_gguf_put_tensor(w, name, f, 2, square, sixty_four_ones, NULL);
    }
    mn_gguf_put_tensor(w, "long", f, 1, line, sixty_four_ones, NULL);
    RUN(mn_gguf_write(w, path_of("odd-file.gguf"), &e));
    mn_gguf_writer_free(w);
}

static void experts(mn_gguf_writer *w)
{
    mn_gguf_put_u32(w, "llama.expert_count", 8);
}
static void yarn(mn_gguf_writer *w)
{
    mn_gguf_put_str(w, "llama.rope.scaling.type", MN_STR("yarn"));
}
static void linear(mn_gguf_writer *w)
{
    mn_gguf_put_f32(w, "llama.rope.scaling.factor", 4);
}
static void half_turned(mn_gguf_writer *w)
{
    mn_gguf_put_u32(w, "llama.rope.dimension_count", 2);
}
static void by_layer(mn_gguf_writer *w)
{
    const int32_t heads[] = {1};
    mn_gguf_put_i32s(w, "llama.attention.head_count_kv", heads, 1);
}
static void values_of_another_size(mn_gguf_writer *w)
{
    mn_gguf_put_u32(w, "llama.attention.value_length", 2);
}
static void adapter(mn_gguf_writer *w)
{
    mn_gguf_put_str(w, "general.type", MN_STR("adapter"));
}
static void nonsense(mn_gguf_writer *w)
{
    mn_gguf_put_f32(w, "llama.rope.freq_base", NAN);
}

static void what_would_compute_something_else_is_refused_by_name(void **state)
{
    (void)state;
    static const struct {
        void (*change)(mn_gguf_writer *w);
        mn_rc code;
        const char *words;
    } cases[] = {
        {experts, MN_E_UNSUPPORTED, "mixture of experts"},
        {yarn, MN_E_UNSUPPORTED, "'yarn'"},
        {linear, MN_E_UNSUPPORTED, "evenly"},
        {half_turned, MN_E_UNSUPPORTED, "turns 2 of 4"},
        {by_layer, MN_E_UNSUPPORTED, "layer to layer"},
        {values_of_another_size, MN_E_UNSUPPORTED, "keys of 4 and values of 2"},
        {adapter, MN_E_UNSUPPORTED, "'adapter'"},
        {nonsense, MN_E_LIMIT, "rope_theta"},
        {NULL, MN_E_PARSE, "no tensor 'blk.0.attn_norm.weight'"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        odd_file(cases[i].change, "llama");
        refused(path_of("odd-file.gguf"), cases[i].code, cases[i].words);
    }
    odd_file(NULL, "gemma3");
    refused(path_of("odd-file.gguf"), MN_E_UNSUPPORTED, "'gemma3'");
}

/* ---- bringing in ---- */

static void importing_keeps_the_file_its_licence_and_its_origin(void **state)
{
    (void)state;
    mn_model *m;
    make("src", &tiny);
    put("src", "README.md", "---\nlicense: cc-by-4.0\n---\n");
    RUN(mn_model_open(path_of("src"), &m, &e));
    RUN(mn_model_export_gguf(m, path_of("src.gguf"), MN_Q_Q8_0, &e));
    mn_model_free(m);
    RUN(mn_model_import(path_of("src.gguf"), path_of("in"), MN_STR_NONE, MN_STR("a place"),
                        &e));
    OK(there("in", "model.gguf") && there("in", "config.json") &&
       there("in", "tokenizer.json") && there("in", "origin.json"));
    RUN(mn_model_open(path_of("in"), &m, &e));
    IS(m->licence, "cc-by-4.0");
    IS(m->origin, "a place");
    RUN(mn_model_quantise(m, path_of("smaller"), MN_Q_Q4_0, &e));
    mn_model_free(m);
    RUN(mn_model_open(path_of("smaller"), &m, &e));
    IS(m->licence, "cc-by-4.0");
    IS(m->origin, "a place");
    OK(m->layers[0].wq.type == MN_Q_Q4_0);
    mn_model_free(m);
    RUN(mn_model_import(path_of("src"), path_of("in2"), MN_STR("mine"), MN_STR_NONE, &e));
    RUN(mn_model_open(path_of("in2"), &m, &e));
    IS(m->licence, "mine");
    IS(m->origin, "src");
    mn_model_free(m);
    OK(same_weights(path_of("src"), path_of("in2")) &&
       same_weights(path_of("src.gguf"), path_of("in")));
}

static void what_cannot_be_opened_leaves_nothing_behind(void **state)
{
    (void)state;
    make("broken", &tiny);
    drop("broken", "tokenizer.json");
    OK(mn_model_import(path_of("broken"), path_of("no"), MN_STR_NONE, MN_STR_NONE, &e) !=
       MN_OK);
    OK(!there("no", "") && !there(".no.importing", ""));
    make("fine", &tiny);
    FAILS(MN_E_EXISTS,
          mn_model_import(path_of("fine"), path_of("empty"), MN_STR_NONE, MN_STR_NONE, &e));
    int failed = 0;
    for (long n = 1; n < 3000; n++) {
        mn_mem_fail_after(n);
        mn_rc rc =
            mn_model_import(path_of("fine"), path_of("maybe"), MN_STR_NONE, MN_STR_NONE, &e);
        mn_mem_fail_after(0);
        if (rc == MN_OK) break;
        OK(!there("maybe", "") && !there(".maybe.importing", ""));
        failed++;
    }
    OK(failed > 20 && there("maybe", "config.json"));
}

static void writing_a_file_survives_any_failing_allocation(void **state)
{
    (void)state;
    mn_model *m;
    int failed = 0;
    make("mem", &tiny);
    RUN(mn_model_open(path_of("mem"), &m, &e));
    for (long n = 1; n < 3000; n++) {
        mn_mem_fail_after(n);
        mn_rc rc = mn_model_export_gguf(m, path_of("mem.gguf"), MN_Q_Q8_0, &e);
        mn_mem_fail_after(0);
        if (rc == MN_OK) break;
        OK(rc == MN_E_NOMEM && !mn_fs_exists(path_of("mem.gguf")));
        failed++;
    }
    OK(failed > 10 && mn_fs_exists(path_of("mem.gguf")));
    mn_model_free(m);
    failed = 0;
    for (long n = 1; n < 3000; n++) {
        mn_mem_fail_after(n);
        mn_rc rc = mn_model_open(path_of("mem.gguf"), &m, &e);
        mn_mem_fail_after(0);
        if (rc == MN_OK) break;
        OK(rc == MN_E_NOMEM);
        failed++;
    }
    OK(failed > 10);
    mn_model_free(m);
}

/* ---- SmolLM2 ---- */

static const char *smollm2(void)
{
    const char *p = getenv("MYNAH_SMOLLM2");
    if (!p) p = "build/models/smollm2.gguf";
    return access(p, R_OK) == 0 ? p : NULL;
}

static void smollm2_opens_at_once(void **state)
{
    (void)state;
    const char *path = smollm2();
    mn_model *m;
    if (!path) SKIP("SmolLM2-135M-Instruct is not here (MYNAH_SMOLLM2)");
    clock_t before = clock();
    RUN(mn_model_open(path, &m, &e));
    double ms = 1e3 * (double)(clock() - before) / CLOCKS_PER_SEC;
#ifndef __SANITIZE_ADDRESS__
    if (ms > 100) fail_msg("%.0f ms of processor time", ms);
#endif
    OK(m->cfg.V == 49152 && m->cfg.C == 576 && m->cfg.L == 30 && m->cfg.KV == 3 && m->cfg.tied);
    OK(m->cfg.rope_theta == 100000 && m->cfg.T == 8192 && m->embed.type == MN_Q_Q8_0);
    OK(mn_model_format(m) == MN_Q_Q4_1 && m->end_ids[0] == 2);
    IS(m->licence, "apache-2.0");
    OK(m->chat_template.len > 100 && ms >= 0);
    mn_model_free(m);
}

int main(void)
{
    test_tmp(dir);
    const struct CMUnitTest tests[] = {
        TEST(a_folder_opens_as_views_of_its_weights),
        TEST(what_stands_beside_the_weights_is_read),
        TEST(a_folder_in_several_files_is_the_same_model),
        TEST(an_index_leads_to_files_of_the_folder_only),
        TEST(a_tensor_in_two_files_is_refused),
        TEST(what_is_no_model_is_said),
        TEST(llama_3_stretches_slow_turns_only),
        TEST(stretching_survives_every_form),
        TEST(other_bounds_than_llamas_are_kept_but_cannot_be_named),
        TEST(a_gguf_file_holds_the_same_model),
        TEST(rows_of_alternating_heads_are_found),
        TEST(every_format_is_written),
        TEST(kept_quantised_weights_do_not_change),
        TEST(what_would_compute_something_else_is_refused_by_name),
        TEST(importing_keeps_the_file_its_licence_and_its_origin),
        TEST(what_cannot_be_opened_leaves_nothing_behind),
        TEST(writing_a_file_survives_any_failing_allocation),
        TEST(smollm2_opens_at_once),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    test_tmp_remove(dir);
    return failed;
}
