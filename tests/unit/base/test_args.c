#include "test.h"

#include "base/args.h"

static struct {
    bool quiet, verbose;
    const char *name;
    int64_t offset;
    uint64_t threads;
    double share;
    mn_opt_strs files;
} got;

static const mn_opt opts[] = {
    {"name", 'n', MN_OPT_STR, &got.name, "NAME", "The name of the corpus."},
    {"threads", 't', MN_OPT_U64, &got.threads, "N", "How many threads to use."},
    {"offset", 0, MN_OPT_I64, &got.offset, "N", "May be below zero."},
    {"val-share", 0, MN_OPT_F64, &got.share, "X", "The share kept for validation."},
    {"file", 'f', MN_OPT_STRS, &got.files, "FILE", "May be repeated."},
    {"quiet", 'q', MN_OPT_FLAG, &got.quiet, NULL, "Say nothing."},
    {"verbose", 'v', MN_OPT_FLAG, &got.verbose, NULL, "Say more."},
    {0}};
static const mn_usage usage = {"corpus build", "[--name N] [FILE…]", "Builds a corpus.",
                               "mynah corpus build --name c1\nmynah corpus stats c1"};

static char *argv[128];
static int n_pos;
static mn_err e;

/* Splits a line at blanks into argv and parses it. */
static mn_rc parse(const char *line)
{
    static char copy[1000];
    int argc = 1;
    snprintf(copy, sizeof copy, "%s", line);
    argv[0] = (char *)"mynah";
    for (char *p = strtok(copy, " "); p; p = strtok(NULL, " ")) argv[argc++] = p;
    argv[argc] = NULL;
    memset(&got, 0, sizeof got);
    e = (mn_err){0};
    n_pos = -1;
    return mn_args_parse(argc, argv, &usage, opts, &n_pos, &e);
}

static void options_may_stand_anywhere_in_every_form(void **state)
{
    (void)state;
    RUN(parse(
        "one --name c1 two -t 4 --offset=-7 --val-share 0.02 -qv three -f a --file=b -fc"));
    assert_int_equal(n_pos, 3);
    assert_string_equal(argv[1], "one");
    assert_string_equal(argv[2], "two");
    assert_string_equal(argv[3], "three");
    assert_string_equal(got.name, "c1");
    OK(got.threads == 4 && got.offset == -7 && got.share == 0.02 && got.quiet && got.verbose);
    assert_int_equal(got.files.n, 3);
    assert_string_equal(got.files.items[2], "c");
    RUN(parse("--name=a=b --offset -3"));
    assert_string_equal(got.name, "a=b");
    OK(got.offset == -3 && n_pos == 0);
    RUN(parse("--name= -"));
    assert_string_equal(got.name, "");
    OK(n_pos == 1 && strcmp(argv[1], "-") == 0);
    RUN(parse("-5 --name x"));
    OK(n_pos == 1 && strcmp(argv[1], "-5") == 0);
}

static void two_dashes_end_the_options(void **state)
{
    (void)state;
    RUN(parse("a -- --name -q --help --"));
    assert_int_equal(n_pos, 5);
    assert_string_equal(argv[2], "--name");
    assert_string_equal(argv[5], "--");
    OK(!got.name && !got.quiet);
    RUN(parse("--name -- x"));
    assert_string_equal(got.name, "--");
}

static void what_is_not_given_is_not_written(void **state)
{
    (void)state;
    RUN(parse(""));
    OK(n_pos == 0 && !got.name && !got.quiet && got.threads == 0 && got.files.n == 0);
}

static void wrong(const char *line, const char *msg)
{
    mn_rc rc = parse(line);
    if (rc != MN_E_USAGE || strcmp(e.msg, msg) != 0)
        fail_msg("%s: %s, '%s'", line, mn_rc_name(rc), e.msg);
    assert_int_equal(n_pos, -1);
}

static void mistakes_are_explained(void **state)
{
    (void)state;
    wrong("--nmae x", "unknown option '--nmae'; did you mean '--name'?");
    wrong("--thread=3", "unknown option '--thread'; did you mean '--threads'?");
    wrong("--something-else",
          "unknown option '--something-else'; see `mynah corpus build --help`");
    wrong("-x", "unknown option '-x'; see `mynah corpus build --help`");
    wrong("-qx", "unknown option '-x'; see `mynah corpus build --help`");
    wrong("--name", "option '--name' needs a value: NAME");
    wrong("-t", "option '--threads' needs a value: N");
    wrong("--quiet=1", "option '--quiet' takes no value");
    wrong("--threads many",
          "option '--threads': expected a whole number, 0 or more, not 'many'");
    wrong("--threads -1", "option '--threads': expected a whole number, 0 or more, not '-1'");
    wrong("--threads 99999999999999999999",
          "option '--threads': expected a whole number of 64 bits, not '99999999999999999999'");
    wrong("--offset 1.5", "option '--offset': expected a whole number, not '1.5'");
    wrong("--val-share half", "option '--val-share': expected a number, not 'half'");
}

static void a_repeated_option_has_a_limit(void **state)
{
    (void)state;
    char line[400] = "";
    for (int i = 0; i < MN_OPT_STRS_MAX; i++) strcat(line, "-f x ");
    RUN(parse(line));
    assert_int_equal(got.files.n, MN_OPT_STRS_MAX);
    strcat(line, "-f y");
    wrong(line, "option '--file' may be given 32 times at most");
}

static void help_is_printed_wherever_it_is_asked_for(void **state)
{
    (void)state;
    fflush(stdout);
    int saved = dup(1), pipes[2];
    assert_int_equal(pipe(pipes), 0);
    dup2(pipes[1], 1);
    mn_rc a = parse("--bad-option x --help"), b = parse("-h");
    dup2(saved, 1);
    close(saved), close(pipes[1]);
    char text[8192];
    size_t n = 0;
    for (ssize_t r; (r = read(pipes[0], text + n, sizeof text - 1 - n)) > 0;) n += (size_t)r;
    text[n] = '\0';
    close(pipes[0]);
    assert_int_equal(a, MN_E_CANCELLED);
    assert_int_equal(b, MN_E_CANCELLED);
    char *first = strstr(text, "Usage: mynah corpus build [--name N] [FILE…]\n");
    OK(first && strstr(first + 1, "Usage: "));
}

static void help_has_aligned_columns_and_short_lines(void **state)
{
    (void)state;
    static const mn_opt more[] = {
        {"a-very-long-option-name-that-stands-alone", 0, MN_OPT_STR, NULL, "VALUE",
         "On its own line."},
        {"short", 's', MN_OPT_FLAG, NULL, NULL,
         "A sentence that is so long that it must be broken into several lines, all of which "
         "begin in the "
         "same column as the first one does.\nAnd a second paragraph."},
        {0}};
    mn_buf b = {0};
    mn_args_help(&usage, opts, &b);
    assert_string_equal(b.ptr, "Usage: mynah corpus build [--name N] [FILE…]\n"
                               "\n"
                               "Builds a corpus.\n"
                               "\n"
                               "Options:\n"
                               "  -n, --name NAME    The name of the corpus.\n"
                               "  -t, --threads N    How many threads to use.\n"
                               "      --offset N     May be below zero.\n"
                               "      --val-share X  The share kept for validation.\n"
                               "  -f, --file FILE    May be repeated.\n"
                               "  -q, --quiet        Say nothing.\n"
                               "  -v, --verbose      Say more.\n"
                               "  -h, --help         Print this help and exit.\n"
                               "\n"
                               "Example:\n"
                               "  mynah corpus build --name c1\n"
                               "  mynah corpus stats c1\n");
    mn_buf_clear(&b);
    mn_args_help(&(mn_usage){"x", NULL, NULL, NULL}, more, &b);
    for (mn_str line, rest = mn_buf_str(&b); rest.ptr;) {
        line = mn_str_split(rest, '\n', &rest);
        OK(mn_utf8_count(line) <= 96);
        OK(!mn_str_ends(line, " "));
    }
    OK(strstr(b.ptr, "\n               And a second paragraph.\n"));
    mn_buf_release(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(options_may_stand_anywhere_in_every_form),
        TEST(two_dashes_end_the_options),
        TEST(what_is_not_given_is_not_written),
        TEST(mistakes_are_explained),
        TEST(a_repeated_option_has_a_limit),
        TEST(help_is_printed_wherever_it_is_asked_for),
        TEST(help_has_aligned_columns_and_short_lines),
    };
    return cmocka_run_group_tests_name("args", tests, NULL, NULL);
}
