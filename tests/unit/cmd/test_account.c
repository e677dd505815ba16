/* The program itself, run as people run it: exit codes, what goes to stdout and what to stderr, the account verbs. */
#include "program.h"

static void wrong_usage_exits_2_and_says_what_was_expected(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "",
        "acount",
        "account",
        "account creat",
        "account create",
        "account create a b",
        "account create ada --role king",
        "account create 'a b'",
        "account create api",
        "account create ada --colour red",
        "account consent",
        "account consent ada sing=allow",
        "account consent ada search=perhaps",
        "account delete ada",
        "help nothing",
    };
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        int rc = mynah(lines[i]);
        if (rc != 2 || !*said || *out)
            fail_msg("mynah %s: exit %d, says %s", lines[i], rc, said);
    }
    mynah("acount");
    OK(strstr(said, "did you mean 'account'"));
}

static void every_command_and_verb_has_help_on_stdout(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "--help",
        "help",
        "account --help",
        "help account",
        "account create --help",
        "help account create",
        "account password --help",
        "account list -h",
        "account show --help",
        "account suspend --help",
        "account delete --help",
        "account consent --help",
    };
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        int rc = mynah(lines[i]);
        if (rc != 0 || !strstr(out, "Usage: mynah") || *said)
            fail_msg("mynah %s: exit %d, %s", lines[i], rc, said);
    }
    char data[128];
    snprintf(data, sizeof data, "%s/data", dir);
    OK(!mn_fs_exists(data)); /* asking for help makes nothing */
    assert_int_equal(mynah("--version"), 0);
    OK(strncmp(out, "mynah ", 6) == 0);
}

static void an_account_is_made_listed_and_shown(void **state)
{
    (void)state;
    assert_int_equal(mynah("account create ada --role operator --display 'Ada L' --json"), 0);
    const mn_json *j = json();
    IS(mn_json_str(mn_json_get(j, "name")), "ada");
    assert_int_equal(mn_json_str(mn_json_get(j, "password")).len, 20);
    mn_str id = mn_str_dup(&ar, mn_json_str(mn_json_get(j, "id")));
    assert_int_equal(mynah("account create ADA"), 1);
    OK(strstr(said, "taken") && !*out);
    assert_int_equal(mynah("account create ADA --json"), 1);
    IS(mn_json_str(mn_json_get(mn_json_get(json(), "error"), "code")), "exists");
    assert_int_equal(mynah("account show @ada --json"), 0);
    j = json();
    OK(mn_str_eq(mn_json_str(mn_json_get(j, "id")), id));
    IS(mn_json_str(mn_json_get(j, "role")), "operator");
    IS(mn_json_str(mn_json_get(j, "display_name")), "Ada L");
    OK(mn_json_bool(mn_json_get(j, "can_sign_in"), false));
    OK(!strstr(out, "argon2"));
    assert_int_equal(mynah("account create bob"), 0);
    assert_int_equal(mynah("account list --json"), 0);
    char *second = strchr(out, '\n');
    OK(second && strstr(second, "\"bob\"") && strchr(second + 1, '\n')); /* one a line */
    assert_int_equal(mynah("account password bob --json"), 0);
    assert_int_equal(mn_json_str(mn_json_get(json(), "password")).len, 20);
    assert_int_equal(mynah("account show carol"), 1);
    OK(strstr(said, "carol"));
}

static void consent_is_shown_and_changed_with_its_lines(void **state)
{
    (void)state;
    mynah("account create ada");
    assert_int_equal(
        mynah("account consent ada train_generative=allow search=deny --reason asked"), 0);
    OK(strstr(out, "train_generative  allow") && strstr(out, "asked"));
    assert_int_equal(mynah("account consent --server embedding=deny --json"), 0);
    const mn_json *j = json();
    IS(mn_json_str(mn_json_get(mn_json_get(j, "consent"), "embedding")), "deny");
    assert_int_equal(mn_json_get(j, "ledger")->n, 1);
    assert_int_equal(mynah("account consent ada search=unset"), 0);
    OK(strstr(out, "embedding         unset: the server denies"));
    assert_int_equal(mynah("account consent ada --json"), 0);
    j = json();
    IS(mn_json_str(mn_json_get(mn_json_get(j, "consent"), "search")), "unset");
    assert_int_equal(mn_json_get(j, "ledger")->n, 3);
    assert_int_equal(
        mn_json_u64(mn_json_get(mn_json_at(mn_json_get(j, "ledger"), 0), "seq"), 0), 4);
    /* nothing is set when one of the words is wrong */
    assert_int_equal(mynah("account consent ada search=allow sing=allow"), 2);
    mynah("account consent ada --json");
    assert_int_equal(mn_json_get(json(), "ledger")->n, 3);
}

static void an_account_is_suspended_and_deleted(void **state)
{
    (void)state;
    mynah("account create ada");
    assert_int_equal(mynah("account suspend ada"), 0);
    mynah("account show ada");
    OK(strstr(out, "state     suspended"));
    assert_int_equal(mynah("account suspend ada --undo --json"), 0);
    IS(mn_json_str(mn_json_get(json(), "state")), "active");
    assert_int_equal(mynah("account delete ada --yes"), 0);
    assert_int_equal(mynah("account suspend ada --undo"), 1);
    OK(strstr(said, "deleted"));
    assert_int_equal(mynah("account create ada"), 1);
}

static void a_data_folder_that_cannot_be_is_said_in_one_line(void **state)
{
    (void)state;
    char path[128];
    snprintf(path, sizeof path, "%s/data", dir);
    RUN(mn_fs_write_atomic(path, "x", 1, &e));
    assert_int_equal(mynah("account list"), 1);
    OK(strstr(said, "not a folder") && strchr(said, '\n') == said + strlen(said) - 1);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        CASE(wrong_usage_exits_2_and_says_what_was_expected),
        CASE(every_command_and_verb_has_help_on_stdout),
        CASE(an_account_is_made_listed_and_shown),
        CASE(consent_is_shown_and_changed_with_its_lines),
        CASE(an_account_is_suspended_and_deleted),
        CASE(a_data_folder_that_cannot_be_is_said_in_one_line),
    };
    (void)argc;
    program_find(argv[0]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
