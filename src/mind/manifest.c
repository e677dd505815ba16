/* The manifest: which segments there are and how far into the store they reach. JSON for people
 * and tools, and a last line with the CRC-32C of what stands before it. Written whole or not at
 * all, so the index is always one that was. */
#include "mind/parts.h"

#include "base/hash.h"
#include "base/json.h"

#define MANIFEST_MAX (1u << 20)
#define TAIL         9u /* eight digits and a line end */

static void write_json(const mn_manifest *m, mn_buf *b)
{
    mn_json_writer w;
    mn_json_writer_init(&w, b, 1);
    mn_jw_object(&w);
    mn_jw_ku64(&w, "format", 1);
    mn_jw_ku64(&w, "analysis", m->analysis);
    mn_jw_ku64(&w, "rev", m->rev);
    mn_jw_ku64(&w, "next", m->next);
    mn_jw_ku64(&w, "server_consents", m->server);
    mn_jw_key(&w, "segments");
    mn_jw_array(&w);
    for (size_t i = 0; i < m->n_segs; i++) {
        mn_jw_object(&w);
        mn_jw_ku64(&w, "number", m->segs[i].number);
        mn_jw_ku64(&w, "deleted", m->segs[i].generation);
        mn_jw_ku64(&w, "docs", m->segs[i].docs);
        mn_jw_object_end(&w);
    }
    mn_jw_array_end(&w);
    mn_jw_object_end(&w);
    mn_buf_addc(b, '\n');
}

mn_rc mn_mind__manifest_write(const char *dir, const mn_manifest *m, mn_err *e)
{
    mn_buf b;
    mn_arena a;
    mn_arena_init(&a, 0);
    mn_buf_init(&b, MANIFEST_MAX);
    write_json(m, &b);
    mn_buf_addf(&b, "%08x\n", mn_crc32c(0, b.ptr, b.len));
    char *path = mn_fs_join(&a, dir, "manifest.json");
    mn_rc rc = !path || b.failed ? mn_fail(e, MN_E_NOMEM, "no memory for the search manifest")
                                 : mn_fs_write_atomic(path, b.ptr, b.len, e);
    mn_buf_release(&b);
    mn_arena_release(&a);
    return rc;
}

static mn_rc damaged(const char *what, mn_err *e)
{
    return mn_fail(e, MN_E_CORRUPT, "the search manifest is damaged: %s", what);
}

mn_rc mn_mind__manifest_parse(mn_str text, mn_arena *a, mn_manifest *ret, mn_err *e)
{
    uint8_t crc[4];
    mn_json *j;
    if (text.len < TAIL) return damaged("it is too short", e);
    mn_str body = mn_str_sub(text, 0, text.len - TAIL),
           tail = mn_str_sub(text, text.len - TAIL, 8);
    if (mn_unhex(tail, crc, 4) != MN_OK) return damaged("its last line is no checksum", e);
    uint32_t want =
        (uint32_t)crc[0] << 24 | (uint32_t)crc[1] << 16 | (uint32_t)crc[2] << 8 | crc[3];
    if (want != mn_crc32c(0, body.ptr, body.len)) return damaged("its checksum is wrong", e);
    if (mn_json_parse(mn_str_trim(body), a, &j, NULL) != MN_OK || j->type != MN_JSON_OBJECT)
        return damaged("it is not a JSON object", e);
    if (mn_json_u64(mn_json_get(j, "format"), 0) != 1)
        return mn_fail(e, MN_E_UNSUPPORTED, "the search manifest was made by a newer version");
    const mn_json *segs = mn_json_get(j, "segments");
    mn_manifest m = {.analysis = (uint32_t)mn_json_u64(mn_json_get(j, "analysis"), 0),
                     .rev = mn_json_u64(mn_json_get(j, "rev"), 0),
                     .next = mn_json_u64(mn_json_get(j, "next"), 0),
                     .server = (uint32_t)mn_json_u64(mn_json_get(j, "server_consents"), 0)};
    if (!segs || segs->type != MN_JSON_ARRAY) return damaged("it names no segments", e);
    m.n_segs = segs->n;
    m.segs = mn_arena_calloc(a, segs->n + 1, sizeof *m.segs);
    if (!m.segs) return mn_fail(e, MN_E_NOMEM, "no memory for the search manifest");
    for (size_t i = 0; i < segs->n; i++) {
        const mn_json *s = mn_json_at(segs, i);
        m.segs[i] = (mn_manifest_seg){mn_json_u64(mn_json_get(s, "number"), UINT64_MAX),
                                      mn_json_u64(mn_json_get(s, "deleted"), 0),
                                      mn_json_u64(mn_json_get(s, "docs"), 0)};
        if (m.segs[i].number >= m.next) return damaged("a segment has no number", e);
    }
    *ret = m;
    return MN_OK;
}

mn_rc mn_mind__manifest_read(const char *dir, mn_arena *a, mn_manifest *ret, mn_err *e)
{
    mn_buf b;
    char *path = mn_fs_join(a, dir, "manifest.json");
    if (!path) return mn_fail(e, MN_E_NOMEM, "no memory for the search manifest");
    mn_buf_init(&b, 0);
    mn_rc rc = mn_fs_read(path, MANIFEST_MAX, &b, e);
    if (rc == MN_OK) {
        mn_str text = mn_str_dup(a, mn_buf_str(&b)); /* the tree borrows it */
        rc = text.ptr ? mn_mind__manifest_parse(text, a, ret, e)
                      : mn_fail(e, MN_E_NOMEM, "no memory for the search manifest");
    }
    mn_buf_release(&b);
    return rc;
}
