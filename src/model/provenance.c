#include "model/provenance.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/hash.h"
#include "model/open_int.h"
#include "model/tensors.h"

mn_rc mn_model_hash(const mn_model *m, uint8_t ret[32], mn_err *e)
{
    mn_sha256 h;
    mn_tensor t;
    mn_model *views =
        (mn_model *)(uintptr_t)m; /* mn_model__view gives places; none is written */
    MN_TRY(mn_sha256_init(&h, e));
    for (uint64_t i = 0; mn_tensor_at(&m->cfg, i, &t); i++) {
        const mn_tensor_view *v = mn_model__view(views, &t);
        const uint32_t head[4] = {(uint32_t)v->type, v->rows, v->cols, v->alternate};
        const size_t n = (size_t)v->rows * (v->cols ? v->cols : 1);
        mn_sha256_add(&h, head, sizeof head);
        mn_sha256_add(&h, v->data, mn_qformat_row_bytes(mn_qformat_of(v->type), n));
    }
    mn_sha256_done(&h, ret);
    return MN_OK;
}

static void put_data(const mn_provenance *p, mn_json_writer *w)
{
    char key[32], hex[MN_HEX256];
    if (!p->data) return;
    mn_jw_kstrz(w, p->kind, p->data);
    snprintf(key, sizeof key, "%.16s_sha256", p->kind);
    mn_jw_kstrz(w, key, mn_hex(p->data_hash, 32, hex));
}

static void put_origin(const mn_provenance *p, mn_json_writer *w)
{
    char key[32], hex[MN_HEX256];
    const mn_model *m = p->base;
    mn_jw_object(w);
    mn_jw_kstr(w, "source", m->origin.ptr ? m->origin : mn_str_from(p->base_name));
    mn_jw_kstr(w, "licence", m->licence);
    mn_jw_kstr(w, "author", m->author);
    snprintf(key, sizeof key, "%.16s_from", p->verb);
    mn_jw_kstrz(w, key, p->base_name);
    mn_jw_kstrz(w, "base_sha256", mn_hex(p->base_hash, 32, hex));
    put_data(p, w);
    mn_jw_kstrz(w, "how", p->how);
    snprintf(key, sizeof key, "%.16s_at", p->verb);
    mn_jw_key(w, key);
    mn_jw_time(w, mn_now_ms());
    mn_jw_object_end(w);
}

mn_rc mn_provenance_write(const mn_provenance *p, const char *dir, mn_err *e)
{
    mn_arena a;
    mn_buf b;
    mn_json_writer w;
    mn_arena_init(&a, 0);
    mn_buf_init(&b, 0);
    mn_json_writer_init(&w, &b, 2);
    put_origin(p, &w);
    mn_buf_addc(&b, '\n');
    const char *path = mn_fs_join(&a, dir, "origin.json");
    mn_rc rc = path && !b.failed ? mn_fs_write_atomic(path, b.ptr, b.len, e)
                                 : mn_fail(e, MN_E_NOMEM, "no memory for 'origin.json'");
    mn_buf_release(&b);
    mn_arena_release(&a);
    return rc;
}
