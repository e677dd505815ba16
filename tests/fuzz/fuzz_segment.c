/* module: mind */
/* Bytes as a segment, a list of the dead and a manifest. The checksums of a segment are made
 * right first, so that what is behind them is reached: then everything a reader and a merge do
 * must stay inside the bytes. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/hash.h"
#include "mind/parts.h"
#include "mind/seg_format.h"

static void right_checksums(uint8_t *p, size_t n)
{
    if (n < MN_SEG_HEADER) return;
    memcpy(p, MN_SEG_MAGIC, 8);
    for (size_t i = 0; i < MN_PARTS; i++) {
        uint8_t *part = p + 24 + 24 * i;
        uint64_t off = mn_mind__le64(part), len = mn_mind__le64(part + 8);
        if (off <= n && len <= n - off)
            mn_mind__put32(part + 16, mn_crc32c(0, p + off, (size_t)len));
    }
    mn_mind__put32(p + MN_SEG_HEADER - 4, mn_crc32c(0, p, MN_SEG_HEADER - 4));
}

static void read_all(mn_seg *s)
{
    mn_err e = {0};
    mn_arena a;
    mn_snap *snap;
    mn_snap_item item = {s, NULL};
    uint32_t docs[MN_SEG_BLOCK];
    uint8_t tfs[MN_SEG_BLOCK];
    uint64_t sum = 0;
    mn_arena_init(&a, 0);
    if (mn_mind__snap_new(&item, 1, &snap, &e) != MN_OK) abort();
    for (uint32_t t = 0; t < s->n_terms && t < 64; t++) {
        mn_postings p;
        mn_hit *hits;
        size_t n;
        mn_query_term q[2] = {{mn_mind__seg_term(s, t), 1},
                              {mn_mind__seg_term(s, s->n_terms - 1 - t), 0.5}};
        mn_mind__seg_postings(s, t, &p);
        for (uint32_t b = 0; b < p.n_blocks; b++) {
            uint32_t k = mn_mind__block_decode(&p, b, docs, tfs);
            for (uint32_t i = 0; i < k; i++) sum += s->part[MN_PART_LENS][docs[i]] + tfs[i];
        }
        mn_rc rc = mn_mind__query_run(snap, q, 2, t & 1 ? sum : 0, 1 + t, &a, &hits, &n, &e);
        if (rc != MN_OK && rc != MN_E_CORRUPT) abort();
    }
    char path[64];
    snprintf(path, sizeof path, "/tmp/mynah-fuzz-%d.seg", (int)getpid());
    mn_rc rc = mn_mind__seg_merge(&item, 1, path, &e);
    if (rc != MN_OK && rc != MN_E_CORRUPT) abort();
    unlink(path);
    mn_mind__snap_unref(snap);
    mn_arena_release(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    mn_err e = {0};
    mn_seg *s = NULL;
    mn_dead *d = NULL;
    mn_arena a;
    mn_manifest m;
    uint8_t *p = malloc(size + 1);
    if (!p) return 0;
    if (size) memcpy(p, data, size);
    mn_arena_init(&a, 0);
    (void)mn_mind__manifest_parse((mn_str){(const char *)p, size}, &a, &m, &e);
    right_checksums(p, size);
    if (mn_mind__seg_from((mn_fs_map){p, size}, "fuzz", &s, &e) == MN_OK) {
        read_all(s);
        if (mn_mind__dead_parse((mn_str){(const char *)p, size}, s, "fuzz", &d, &e) == MN_OK)
            mn_mind__dead_unref(d);
        s->map = (mn_fs_map){0}; /* ours to free */
        mn_mind__seg_unref(s);
    } else if (e.rc != MN_E_CORRUPT) {
        abort();
    }
    mn_arena_release(&a);
    free(p);
    return 0;
}
