/* Accounts of forgettings: what is taken for one, and what may follow what. */
#include "model/forgotten.h"

#include "test.h"

#define H "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static const char *const whole[][2] = {
    {"format", "\"mynah-forgetting\""},
    {"version", "1"},
    {"model", "\"m\""},
    {"corpus", "\"c\""},
    {"corpus_sha256", "\"" H "\""},
    {"documents", "2"},
    {"documents_sha256", "\"" H "\""},
    {"masked", "3"},
    {"masked_sha256", "\"" H "\""},
    {"first_step", "8"},
    {"from_step", "7"},
    {"step", "12"},
    {"steps_repeated", "5"},
    {"from_checkpoint_sha256", "\"" H "\""},
    {"old_checkpoint_sha256", "\"" H "\""},
    {"checkpoint_sha256", "\"" H "\""},
    {"log_sha256", "\"" H "\""},
    {"old_weights_sha256", "\"" H "\""},
    {"weights_sha256", "\"" H "\""},
    {"started", "\"2026-01-01T00:00:00Z\""},
    {"finished", "\"2026-01-01T00:01:00Z\""},
};
#define MEMBERS (sizeof whole / sizeof *whole)

/* The whole account, but member `which` is `as` (NULL: left out), and `more` stands at its end. */
static mn_rc parse(const char *which, const char *as, const char *more, mn_forgotten *ret)
{
    mn_err e = {0};
    mn_buf b;
    mn_buf_init(&b, 0);
    bool first = true;
    for (size_t i = 0; i < MEMBERS; i++) {
        bool other = which && strcmp(whole[i][0], which) == 0;
        if (other && !as) continue;
        mn_buf_addf(&b, "%s\"%s\":%s", first ? "{" : ",", whole[i][0],
                    other ? as : whole[i][1]);
        first = false;
    }
    mn_buf_addf(&b, "%s}", more);
    mn_rc rc = mn_forgotten_parse(mn_buf_str(&b), ret, &e);
    OK(rc == MN_OK || (rc == MN_E_CORRUPT && e.msg[0]));
    mn_buf_release(&b);
    return rc;
}

static void an_account_is_taken_whole_or_not_at_all(void **state)
{
    (void)state;
    mn_forgotten x;
    OK(parse(NULL, NULL, "", &x) == MN_OK);
    OK(strcmp(x.model, "m") == 0 && x.documents == 2 && x.masked == 3 && x.step == 12);
    OK(x.has_weights && x.has_old_weights && x.log_sha256[1] == 0x23);
    for (size_t i = 0; i < MEMBERS; i++) {
        bool optional = strstr(whole[i][0], "weights_sha256") != NULL;
        OK((parse(whole[i][0], NULL, "", &x) == MN_OK) == optional);
        OK(parse(whole[i][0], "null", "", &x) == MN_E_CORRUPT);
        OK(parse(whole[i][0], "[]", "", &x) == MN_E_CORRUPT);
        OK(parse(whole[i][0], "-1", "", &x) == MN_E_CORRUPT);
        OK(parse(whole[i][0], "\"\"", "", &x) == MN_E_CORRUPT);
    }
    OK(parse("weights_sha256", NULL, "", &x) == MN_OK && !x.has_weights);
}

static void what_does_not_belong_is_refused(void **state)
{
    (void)state;
    mn_forgotten x;
    mn_err e = {0};
    OK(parse(NULL, NULL, ",\"more\":1", &x) == MN_E_CORRUPT);
    OK(parse(NULL, NULL, ",\"step\":12", &x) == MN_E_CORRUPT); /* twice */
    OK(parse(NULL, NULL, "} {", &x) == MN_E_CORRUPT);
    OK(parse("version", "2", "", &x) == MN_E_CORRUPT);
    OK(parse("format", "\"other\"", "", &x) == MN_E_CORRUPT);
    OK(parse("log_sha256", "\"" H "00\"", "", &x) == MN_E_CORRUPT);
    OK(parse("model", "\"a\\u0000b\"", "", &x) == MN_E_CORRUPT);
    OK(parse("documents", "4", "", &x) == MN_E_CORRUPT); /* more than are masked */
    OK(parse("documents", "0", "", &x) == MN_E_CORRUPT);
    OK(parse("steps_repeated", "6", "", &x) == MN_E_CORRUPT);
    OK(parse("from_step", "13", "", &x) == MN_E_CORRUPT);
    OK(parse("first_step", "7", "", &x) == MN_E_CORRUPT); /* the checkpoint had seen it */
    OK(parse("step", "18446744073709551616", "", &x) == MN_E_CORRUPT);
    char *big = calloc(1, MN_FORGOTTEN_BYTES + 1);
    memset(big, ' ', MN_FORGOTTEN_BYTES + 1);
    OK(mn_forgotten_parse((mn_str){big, MN_FORGOTTEN_BYTES + 1}, &x, &e) == MN_E_LIMIT);
    free(big);
}

static void accounts_follow_each_other(void **state)
{
    (void)state;
    mn_err e = {0};
    mn_forgotten a, b;
    OK(parse(NULL, NULL, "", &a) == MN_OK);
    b = a;
    OK(mn_forgotten_follows(NULL, &a, &e) == MN_OK);
    OK(mn_forgotten_follows(&a, &b, &e) == MN_E_CORRUPT); /* two more, but masked is the same */
    b.masked = 5;
    OK(mn_forgotten_follows(&a, &b, &e) == MN_OK);
    b.old_checkpoint_sha256[3] ^= 1;
    OK(mn_forgotten_follows(&a, &b, &e) == MN_E_CORRUPT);
    b.step = 20; /* trained on in between: then it began with other weights */
    OK(mn_forgotten_follows(&a, &b, &e) == MN_OK);
    b.step = 11;
    OK(mn_forgotten_follows(&a, &b, &e) == MN_E_CORRUPT);
    b = a, b.masked = 5, b.old_weights_sha256[0] ^= 1;
    OK(mn_forgotten_follows(&a, &b, &e) == MN_E_CORRUPT);
    b = a, b.masked = 5, b.corpus_sha256[0] ^= 1;
    OK(mn_forgotten_follows(&a, &b, &e) == MN_E_CORRUPT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_account_is_taken_whole_or_not_at_all),
        TEST(what_does_not_belong_is_refused),
        TEST(accounts_follow_each_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
