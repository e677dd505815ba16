/* module: model
 * Bytes as a file of tweets and, after the first NUL, a file of labels: never a crash; what is accepted has as many of both, labels that are
 * below their number, and texts that are not empty. */
#include <stdlib.h>
#include <string.h>

#include "model/tweeteval.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    mn_arena a;
    mn_err e = {0};
    mn_tweets t = {0};
    mn_str labels, texts = mn_str_split((mn_str){(const char *)data, size}, '\0', &labels);
    mn_arena_init(&a, (size_t)64 << 20);
    if (mn_tweets_parse(texts, labels, 3, &a, &t, &e) == MN_OK) {
        if (!t.n) abort();
        for (size_t i = 0; i < t.n; i++)
            if (t.labels[i] >= 3 || !t.texts[i].len || !mn_utf8_valid(t.texts[i])) abort();
        mn_tweets_thin(&t, 2);
        if (t.n > 2) abort();
    } else if (t.texts) {
        abort();
    }
    mn_arena_release(&a);
    return 0;
}
