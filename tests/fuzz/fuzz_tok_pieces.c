/* module: text */
#include "text/tokenizer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MOST = 64, TEXT_MAX = 300 };

typedef struct vocab {
    mn_str tokens[MOST];
    float scores[MOST];
    int32_t types[MOST];
    size_t n;
} vocab;

static size_t find_piece(const vocab *v, mn_str s)
{
    for (size_t i = 1; i < v->n; i++)
        if (mn_str_eq(v->tokens[i], s)) return i;
    return 0;
}

/* SentencePiece's rule, plainly: of all neighbours that spell a piece the pair with the best score, the leftmost of equals; characters that
 * are no piece are unknown, several in a row are one. */
static size_t merge_plainly(const vocab *v, mn_str s, uint32_t *ids)
{
    size_t start[TEXT_MAX + 1], k = 0, n = 0;
    for (size_t at = 0; at < s.len; k++) {
        uint32_t cp;
        start[k] = at;
        at += mn_utf8_decode(s.ptr + at, s.len - at, &cp);
    }
    start[k] = s.len;
    for (;;) {
        size_t best = 0, at = 0;
        for (size_t i = 0; i + 1 < k; i++) {
            size_t id = find_piece(v, mn_str_sub(s, start[i], start[i + 2] - start[i]));
            if (id && (!best || v->scores[id] > v->scores[best])) best = id, at = i;
        }
        if (!best) break;
        memmove(start + at + 1, start + at + 2, (k - at - 1) * sizeof *start);
        k--;
    }
    for (size_t i = 0; i < k; i++) {
        uint32_t id = (uint32_t)find_piece(v, mn_str_sub(s, start[i], start[i + 1] - start[i]));
        if (id || !n || ids[n - 1]) ids[n++] = id;
    }
    return n;
}

static void compare(const vocab *v, const mn_tokenizer *t, mn_str text)
{
    uint32_t want[TEXT_MAX];
    mn_ids got = {0};
    size_t n = merge_plainly(v, text, want);
    MN_ASSERT(mn_tok_encode(t, NULL, text, &got) == MN_OK);
    MN_ASSERT(got.n == n);
    for (size_t i = 0; i < n; i++) MN_ASSERT(got.ptr[i] == want[i]);
    mn_ids_release(&got);
}

/* The first line is a text, the others are pieces after one byte for the score: merged as SentencePiece's plain rule says. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    vocab v = {.n = 1, .tokens = {MN_STR("<unk>")}, .types = {2}};
    mn_str rest = {(const char *)data, size};
    mn_str text = mn_str_split(rest, '\n', &rest);
    mn_tokenizer *t = NULL;
    mn_err e = {0};
    while (rest.len && v.n < MOST) {
        mn_str line = mn_str_split(rest, '\n', &rest);
        if (!line.len) continue;
        v.scores[v.n] = (float)(signed char)line.ptr[0];
        v.types[v.n] = 1;
        v.tokens[v.n++] = mn_str_sub(line, 1, SIZE_MAX);
    }
    mn_tok_parts p = {.model = MN_STR("llama"),
                      .tokens = v.tokens,
                      .scores = v.scores,
                      .types = v.types,
                      .n = v.n,
                      .bos = UINT32_MAX,
                      .eos = UINT32_MAX,
                      .pad = UINT32_MAX};
    if (mn_tok_from_parts(&p, &t, &e) != MN_OK) {
        MN_ASSERT(!t && e.msg[0]);
        return 0;
    }
    bool same = text.len && text.len <= TEXT_MAX && mn_utf8_valid(text) &&
                mn_str_find(text, MN_STR(" "), 0) == SIZE_MAX &&
                mn_str_find(text, MN_STR("\u2581"), 0) == SIZE_MAX;
    if (same) compare(&v, t, text);
    mn_tok_free(t);
    return 0;
}
