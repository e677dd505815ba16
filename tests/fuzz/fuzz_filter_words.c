/* module: social */
/* Any bytes as words of filters (a line each, up to an empty line) and a text behind them: what is found together is found one by
 * one, a word not bound to borders is found in itself, and the key of a hashtag is its own key. */
#include <stdlib.h>

#include "social/filter_match.h"
#include "social/tags.h"

enum { WORDS = 32 };

static bool alone(mn_word word, mn_str text)
{
    mn_words *w;
    bool found = false;
    if (mn_words_new(&word, 1, &w, NULL) != MN_OK) abort();
    mn_words_find(w, text, &found);
    mn_words_free(w);
    return found;
}

static void check_words(mn_str text)
{
    mn_word words[WORDS] = {0};
    bool found[WORDS] = {false};
    size_t n = 0;
    mn_str rest = text;
    while (rest.ptr && n < WORDS) {
        mn_str line = mn_str_split(rest, '\n', &rest);
        if (line.len == 0) break;
        words[n] = (mn_word){line, line.len & 1};
        n++;
    }
    mn_words *w;
    if (mn_words_new(words, n, &w, NULL) != MN_OK) abort();
    mn_words_find(w, rest, found);
    for (size_t i = 0; i < n; i++) {
        if (found[i] != alone(words[i], rest)) abort();
        if (mn_utf8_valid(words[i].text) && !alone(words[i], words[i].text)) abort();
    }
    mn_words_free(w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    mn_str text = {size ? (const char *)data : "", size};
    mn_arena a;
    if (size > 4096) return 0;
    mn_arena_init(&a, 0);
    check_words(text);
    mn_str key = mn_social_tag_key(text, &a);
    if (key.ptr) {
        mn_str again = mn_social_tag_key(key, &a);
        if (again.ptr && !mn_str_eq(again, key)) abort();
        if (!mn_utf8_valid(key) || key.len == 0) abort();
    }
    mn_arena_release(&a);
    return 0;
}
