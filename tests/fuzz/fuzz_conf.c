/* module: base */
/* Any bytes as mynah.conf: what was read can be written as a template and read again as the same. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/conf.h"

enum { KEYS = 4 };
static const mn_conf_key keys[KEYS + 1] = {{"listen", "127.0.0.1:8420", "Where."},
                                           {"database", "mynah.db", "Which."},
                                           {"number", "7", "How many."},
                                           {"durable", "no", "Whether."},
                                           {0}};

static mn_rc load(const void *p, size_t n, const mn_conf_key *table, mn_conf **ret, mn_err *e)
{
    char path[32];
    int fd = memfd_create("fuzz", MFD_CLOEXEC);
    MN_ASSERT(fd >= 0 && write(fd, p, n) == (ssize_t)n);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    mn_rc rc = mn_conf_load(path, table, ret, e);
    close(fd);
    return rc;
}

static void again(const mn_conf *c)
{
    mn_conf_key now[KEYS + 1] = {0};
    mn_conf *other = NULL;
    mn_err e = {0};
    mn_buf b;
    mn_buf_init(&b, 0);
    for (int i = 0; i < KEYS; i++)
        now[i] = (mn_conf_key){keys[i].name, mn_conf_get(c, keys[i].name), "Help.\nMore."};
    mn_conf_template(now, &b);
    MN_ASSERT(b.failed == MN_OK && load(b.ptr, b.len, keys, &other, &e) == MN_OK);
    for (int i = 0; i < KEYS; i++)
        MN_ASSERT(strcmp(mn_conf_get(other, keys[i].name), now[i].fallback) == 0);
    mn_conf_free(other);
    mn_buf_release(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    mn_conf *c = NULL;
    mn_err e = {0};
    uint64_t n = 0;
    bool yes = false;
    if (load(data, size, keys, &c, &e) != MN_OK) {
        MN_ASSERT(!c && e.msg[0]);
        return 0;
    }
    again(c);
    MN_ASSERT(mn_conf_u64(c, "number", 1, 9, &n, &e) != MN_OK || (n >= 1 && n <= 9));
    if (mn_conf_bool(c, "durable", &yes, &e) != MN_OK) MN_ASSERT(e.msg[0]);
    mn_conf_free(c);
    return 0;
}
