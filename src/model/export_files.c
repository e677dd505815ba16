/* The small files of a Hugging Face folder. */
#include <stdio.h>
#include <string.h>

#include "base/fs.h"
#include "model/card.h"
#include "model/export_int.h"
#include "model/file_out.h"
#include "model/open_int.h"

static mn_rc no_memory(mn_err *e)
{
    return mn_fail(e, MN_E_NOMEM, "no memory to write the model's files");
}

/* Writes DIR/NAME and releases the buffer. */
static mn_rc put_file(const char *dir, const char *name, mn_buf *b, mn_err *e)
{
    mn_arena a;
    mn_arena_init(&a, 0);
    char *path = mn_fs_join(&a, dir, name);
    mn_rc rc =
        path && b->failed == MN_OK ? mn_fs_write_atomic(path, b->ptr, b->len, e) : no_memory(e);
    mn_buf_release(b);
    mn_arena_release(&a);
    return rc;
}

mn_rc mn_export__names(const mn_model *m, mn_arena *a, mn_export_names *ret, mn_err *e)
{
    mn_export_names n = {.n_ends = m->n_end_ids};
    MN_TRY(mn_tok_to_parts(m->tok, a, &n.parts, e));
    memcpy(n.ends, m->end_ids, sizeof n.ends);
    if (!n.n_ends && n.parts.eos != UINT32_MAX) n.ends[n.n_ends++] = n.parts.eos;
    *ret = n;
    return MN_OK;
}

static mn_config_notes notes_of(const mn_export_names *n, mn_qtype type)
{
    return (mn_config_notes){.bos = n->parts.bos,
                             .pad = n->parts.pad,
                             .ends = n->ends,
                             .n_ends = n->n_ends,
                             .dtype = type == MN_Q_F16    ? "float16"
                                      : type == MN_Q_BF16 ? "bfloat16"
                                                          : "float32"};
}

mn_rc mn_export__config(const mn_model *m, const mn_export_names *n, mn_qtype type,
                        const char *dir, mn_err *e)
{
    mn_buf b;
    mn_config_notes notes = notes_of(n, type);
    if (m->map->stretch)
        return mn_fail(e, MN_E_UNSUPPORTED,
                       "the model stretches positions in a way of its own, which config.json "
                       "cannot say; export it as GGUF");
    mn_buf_init(&b, 0);
    mn_config_write_with(&m->cfg, &notes, &b);
    return put_file(dir, "config.json", &b, e);
}

mn_rc mn_export__generation(const mn_model *m, const mn_export_names *n, const char *dir,
                            mn_err *e)
{
    mn_buf b;
    mn_json_writer w;
    mn_config_notes notes = notes_of(n, MN_Q_F32);
    (void)m;
    mn_buf_init(&b, 0);
    mn_json_writer_init(&w, &b, 2);
    mn_jw_object(&w);
    mn_jw_kbool(&w, "_from_model_config", true);
    mn_config_write_tokens(&notes, &w);
    mn_jw_object_end(&w);
    mn_buf_addc(&b, '\n');
    return put_file(dir, "generation_config.json", &b, e);
}

static void put_special(mn_json_writer *w, const char *key, const mn_tok_parts *p, uint32_t id)
{
    if (id < p->n) mn_jw_kstr(w, key, p->tokens[id]);
}

static void put_specials(mn_json_writer *w, const mn_export_names *n)
{
    const mn_tok_parts *p = &n->parts;
    put_special(w, "bos_token", p, p->bos);
    put_special(w, "eos_token", p, n->n_ends ? n->ends[0] : p->eos);
    put_special(w, "unk_token", p, p->unk);
    put_special(w, "pad_token", p, p->pad);
}

mn_rc mn_export__tokenizer_config(const mn_model *m, const mn_export_names *n, const char *dir,
                                  mn_err *e)
{
    mn_buf b;
    mn_json_writer w;
    mn_buf_init(&b, 0);
    mn_json_writer_init(&w, &b, 2);
    mn_jw_object(&w);
    mn_jw_kstrz(&w, "tokenizer_class", "PreTrainedTokenizerFast");
    put_specials(&w, n);
    mn_jw_kbool(&w, "add_bos_token", n->parts.add_bos);
    mn_jw_kbool(&w, "add_eos_token", n->parts.add_eos);
    mn_jw_kbool(&w, "clean_up_tokenization_spaces", false);
    mn_jw_ku64(&w, "model_max_length", m->cfg.T);
    if (m->chat_template.ptr) mn_jw_kstr(&w, "chat_template", m->chat_template);
    mn_jw_object_end(&w);
    mn_buf_addc(&b, '\n');
    return put_file(dir, "tokenizer_config.json", &b, e);
}

mn_rc mn_export__special_tokens(const mn_export_names *n, const char *dir, mn_err *e)
{
    mn_buf b;
    mn_json_writer w;
    mn_buf_init(&b, 0);
    mn_json_writer_init(&w, &b, 2);
    mn_jw_object(&w);
    put_specials(&w, n);
    mn_jw_object_end(&w);
    mn_buf_addc(&b, '\n');
    return put_file(dir, "special_tokens_map.json", &b, e);
}

mn_rc mn_export__card(const mn_model *m, const char *dir, mn_err *e)
{
    mn_buf b;
    mn_arena a;
    mn_card c = {0};
    mn_arena_init(&a, 0);
    mn_rc rc = mn_fs_is_dir(m->path) ? mn_card_read(m->path, NULL, &a, &c, e) : MN_OK;
    c.name = m->name.len ? m->name : mn_str_from(mn_fs_base(m->path));
    c.has_cfg = true, c.cfg = m->cfg;
    c.licence = m->licence, c.source = m->origin, c.author = m->author;
    mn_buf_init(&b, 0);
    if (rc == MN_OK) mn_card_put(&c, &b);
    if (rc == MN_OK) rc = put_file(dir, "README.md", &b, e);
    else mn_buf_release(&b);
    mn_arena_release(&a);
    return rc;
}

mn_rc mn_export__tokenizer(const mn_model *m, const char *dir, mn_err *e)
{
    mn_arena a;
    mn_arena_init(&a, 0);
    char *path = mn_fs_join(&a, dir, "tokenizer.json");
    mn_rc rc = path ? mn_tok_save(m->tok, path, e) : no_memory(e);
    mn_arena_release(&a);
    return rc;
}

static mn_rc copy_bytes(const mn_fs_map *m, const char *to, mn_err *e)
{
    mn_file_out f;
    MN_TRY(mn_file_out_open(to, &f, e));
    mn_rc rc = mn_file_out_add(&f, m->ptr, m->len, e);
    if (rc == MN_OK) rc = mn_file_out_commit(&f, e);
    mn_file_out_release(&f);
    return rc;
}

mn_rc mn_export__copy(const char *from, const char *to, const char *name, bool *ret, mn_err *e)
{
    mn_arena a;
    mn_fs_map map;
    mn_rc rc = MN_OK;
    mn_arena_init(&a, 0);
    char *source = mn_fs_join(&a, from, name), *target = mn_fs_join(&a, to, name);
    bool there = source && mn_fs_exists(source);
    if (!source || !target) rc = no_memory(e);
    if (rc == MN_OK && there) {
        rc = mn_fs_map_open(source, &map, e);
        if (rc == MN_OK) {
            rc = copy_bytes(&map, target, e);
            mn_fs_map_close(&map);
        }
    }
    if (rc == MN_OK) *ret = there;
    mn_arena_release(&a);
    return rc;
}
