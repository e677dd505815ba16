/* module: model
 * Bytes as a text to be judged: never a crash, the same score twice, and one between 0 and 1. */
#include <stdio.h>
#include <stdlib.h>

#include "model/linear.h"

static mn_linear *learn(void)
{
    static char lines[200][40];
    mn_str texts[200];
    uint8_t labels[200];
    mn_linear *c;
    mn_err e = {0};
    for (int i = 0; i < 200; i++) {
        labels[i] = i % 2 == 0;
        snprintf(lines[i], sizeof lines[i], "%s bees number %d", i % 2 ? "kind" : "rude", i);
        texts[i] = mn_str_from(lines[i]);
    }
    if (mn_linear_learn(texts, labels, 200, 1, &c, &e) != MN_OK) abort();
    return c;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static mn_linear *c; /* for all inputs */
    if (!c) c = learn();
    const mn_str text = {(const char *)data, size};
    const double x = mn_linear_score(c, text);
    if (!(x >= 0 && x <= 1) || x != mn_linear_score(c, text)) abort();
    return 0;
}
