/* Three members of one server, and the words that tests about them begin with.
 *
 *   cmocka_unit_test_setup_teardown(some_test, three_set_up, three_tear_down) */
#ifndef MN_TESTS_THREE_H
#define MN_TESTS_THREE_H

#include "http/masto.h"

static member alice, bob, carol;

/* With lines of mynah.conf, or NULL for none but the usual ones. */
static inline void three_start_with(const char *conf)
{
    if (conf) masto_start_with(conf);
    else masto_start();
    alice = masto_member("alice");
    bob = masto_member("bob");
    carol = masto_member("carol");
}
static inline int three_set_up(void **state)
{
    (void)state;
    three_start_with(NULL);
    return 0;
}
static inline int three_tear_down(void **state)
{
    (void)state;
    masto_stop();
    return 0;
}

/* fmt with the id in it; the last sixteen live. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
static inline const char *path(const char *fmt, uint64_t id)
{
    static char buf[16][300];
    static int k;
    k = (k + 1) % 16;
    snprintf(buf[k], sizeof buf[k], fmt, (unsigned long long)id);
    return buf[k];
}
#pragma GCC diagnostic pop

/* The request is answered with that status, and by what the API says. */
static inline void ask(const char *method, const char *p, const member *m, const char *body,
                       int want)
{
    int status = masto(method, p, m, body);
    if (status != want)
        fail_msg("%s %s gave %d, expected %d: %.*s", method, p, status, want,
                 MN_STR_FMT(masto_body));
}

/* By json; the id. */
static inline uint64_t post(const member *m, const char *json)
{
    ask("POST", "/api/v1/statuses", m, json, 200);
    return masto_id("id");
}

#endif
