/* module: text */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "text/shard.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char stem[64], dir[48];

static void clean_up(void)
{
    mn_fs_remove_tree(dir, NULL);
}

static void set_up(void)
{
    snprintf(dir, sizeof dir, "/tmp/mynah-fuzz-XXXXXX");
    if (!mkdtemp(dir)) abort();
    snprintf(stem, sizeof stem, "%s/s", dir);
    atexit(clean_up);
}

static void write_file(const char *suffix, const void *head, size_t n_head, const uint8_t *p,
                       size_t n)
{
    char path[80];
    snprintf(path, sizeof path, "%s%s", stem, suffix);
    FILE *f = fopen(path, "wb");
    if (!f) abort();
    fwrite(head, 1, n_head, f);
    fwrite(p, 1, n, f);
    fclose(f);
}

/* Everything that a reader of an accepted shard may touch lies inside. */
static void walk(const mn_shard *s, uint32_t vocab)
{
    uint64_t at = 0, sum = 0;
    for (uint64_t d = 0; d < s->n_docs; d++) {
        MN_ASSERT(s->doc_end[d] > at && s->doc_end[d] <= s->n_tok);
        for (; at < s->doc_end[d]; at++) {
            const uint32_t id = mn_shard_token(s, at);
            MN_ASSERT(id < vocab || (!s->form.ours && id == s->form.erased));
            MN_ASSERT(mn_shard_input(s, at) < vocab);
        }
    }
    MN_ASSERT(at == s->n_tok);
    for (uint64_t i = 0; i < s->n_posts; i++) {
        MN_ASSERT(s->posts[i].document < s->n_docs);
        MN_ASSERT(s->posts[i].first_token < s->doc_end[s->posts[i].document]);
        MN_ASSERT(s->posts[i].text_offset <= s->text_bytes + s->n_posts);
        sum += s->posts[i].post_id;
    }
    (void)sum;
}

/* Input: flags, lengths of .bin, .docs and .txt, a small vocabulary, then the bytes of .bin, .docs and .origin. With bit 0 of
 * flags the .bin gets a right header before it; with bit 1 it is that of another form, whose tokens are the first bytes, and wide with bit 2. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 5) return 0;
    if (!*dir) set_up();
    const uint8_t *p = data + 5;
    size_t left = size - 5;
    size_t n_bin = data[1] < left ? data[1] : left;
    size_t n_docs = data[2] < left - n_bin ? data[2] : left - n_bin;
    uint32_t vocab = data[4];
    const bool other = data[0] & 2, wide = data[0] & 4;
    int32_t header[256] = {20240520, other ? 2 : 1, (int32_t)(n_bin / (other && wide ? 4 : 2))};
    if (other && n_bin > 3) {
        header[3] = wide ? 4 : 2, header[4] = p[0], header[5] = p[1];
        header[6] = wide ? -1 : UINT16_MAX, header[7] = p[2], header[8] = p[3];
    }
    uint8_t text[256] = {0};
    write_file(".bin", header, data[0] & 1 ? sizeof header : 0, p, n_bin);
    write_file(".docs", "", 0, p + n_bin, n_docs);
    write_file(".origin", "", 0, p + n_bin + n_docs, left - n_bin - n_docs);
    write_file(".txt", "", 0, text, data[3]);
    mn_shard s = {0};
    mn_err e = {0};
    mn_rc rc = mn_shard_open(stem, vocab, &s, &e);
    if (rc == MN_OK) walk(&s, vocab);
    else MN_ASSERT(rc == MN_E_CORRUPT && e.msg[0]);
    mn_shard_close(&s);
    return 0;
}
