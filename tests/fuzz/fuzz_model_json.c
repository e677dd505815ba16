/* module: model
 * Bytes as a config.json and as a model.safetensors.index.json: what is accepted holds what it promises. */
#include <math.h>
#include <stdlib.h>

#include "model/open_int.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool good)
{
    if (!good) abort();
}

static void as_config(mn_str text)
{
    mn_err e = {0};
    mn_config c, again;
    mn_buf b;
    double angle[256], angle_again[256];
    if (mn_config_parse(text, &c, &e) != MN_OK) return;
    mn_buf_init(&b, 0);
    check(mn_config_check(&c, &e) == MN_OK && mn_config_params(&c) > 0);
    check(mn_config_write(&c, &b) == MN_OK &&
          mn_config_parse(mn_buf_str(&b), &again, &e) == MN_OK);
    mn_config_rope(&c, angle);
    mn_config_rope(&again, angle_again);
    for (uint32_t i = 0; i < c.D / 2; i++)
        check(isfinite(angle[i]) && angle[i] > 0 && fabs(angle[i] / angle_again[i] - 1) < 1e-5);
    mn_buf_release(&b);
}

static void as_index(mn_str text)
{
    mn_err e = {0};
    mn_arena a;
    mn_str *names;
    size_t n;
    mn_arena_init(&a, 64u << 20);
    if (mn_model__shard_names(text, &a, &names, &n, &e) == MN_OK) {
        check(n >= 1 && n <= MN_SHARDS_MAX);
        for (size_t i = 0; i < n; i++) {
            check(names[i].len > 12 && names[i].ptr[0] != '.' &&
                  !memchr(names[i].ptr, '/', names[i].len) &&
                  !memchr(names[i].ptr, 0, names[i].len));
            check(i == 0 || mn_str_cmp(names[i - 1], names[i]) < 0);
        }
    }
    mn_arena_release(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    mn_str text = {(const char *)data, size};
    as_config(text);
    as_index(text);
    return 0;
}
