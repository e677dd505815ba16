/* module: base */
/* Arguments, a NUL after each: positionals are some of them in their order, options hold others, and a refusal says why. */
#include <stdlib.h>
#include <string.h>

#include "base/args.h"

enum { ARGS_MAX = 80 };

typedef struct values {
    bool flag, quiet;
    const char *str;
    int64_t i;
    uint64_t u;
    double f;
    mn_opt_strs list;
} values;

/* A line of arguments in memory of their own, each exactly as long as it is. "--help" would be printed: left out. */
static int split(const uint8_t *data, size_t size, char **ret)
{
    int n = 0;
    while (size && n < ARGS_MAX) {
        size_t len = strnlen((const char *)data, size);
        char *arg = mn_strndup((const char *)data, len);
        MN_ASSERT(arg);
        if (strcmp(arg, "--help") && strcmp(arg, "-h")) ret[n++] = arg;
        else mn_free(arg);
        if (len == size) break;
        data += len + 1;
        size -= len + 1;
    }
    return n;
}

static bool among(const char *value, char **args, int n)
{
    for (int i = 0; i < n; i++)
        if (value >= args[i] && value <= args[i] + strlen(args[i])) return true;
    return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *args[ARGS_MAX], *argv[ARGS_MAX + 1] = {(char[]){"x"}};
    values v = {0};
    mn_err e = {0};
    int n_pos = 0, n = split(data, size, args), from = 0;
    const mn_usage usage = {.name = "x"};
    const mn_opt opts[] = {{"flag", 'f', MN_OPT_FLAG, &v.flag, NULL, ""},
                           {"quiet", 'q', MN_OPT_FLAG, &v.quiet, NULL, ""},
                           {"str", 's', MN_OPT_STR, &v.str, "S", ""},
                           {"int", '1', MN_OPT_I64, &v.i, "N", ""},
                           {"unsigned", 'u', MN_OPT_U64, &v.u, "N", ""},
                           {"float", 0, MN_OPT_F64, &v.f, "X", ""},
                           {"list", 'l', MN_OPT_STRS, &v.list, "L", ""},
                           {0}};
    for (int i = 0; i < n; i++) argv[i + 1] = args[i];
    if (mn_args_parse(n + 1, argv, &usage, opts, &n_pos, &e) != MN_OK) {
        MN_ASSERT(e.rc == MN_E_USAGE && e.msg[0]);
    } else {
        MN_ASSERT(n_pos >= 0 && n_pos <= n);
        for (int i = 0; i < n_pos; i++, from++) {
            while (from < n && args[from] != argv[i + 1]) from++;
            MN_ASSERT(from < n);
        }
        MN_ASSERT(!v.str || among(v.str, args, n));
        for (int i = 0; i < v.list.n; i++) MN_ASSERT(among(v.list.items[i], args, n));
        MN_ASSERT(v.f == v.f);
    }
    for (int i = 0; i < n; i++) mn_free(args[i]);
    return 0;
}
