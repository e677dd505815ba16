/* `mynah ask` and `mynah search`, run as people run them: lines of eighty columns, JSON with all that is known. */
#include "test.h"

#include <sys/wait.h>

#include "base/json.h"

static char dir[64], program[512];
static mn_buf out;
static mn_arena ar;
static mn_err e;

/* Runs `mynah ARGS` on the test's data folder; gives the exit code, what it wrote is in out. */
static int mynah(const char *args)
{
    char line[1500];
    snprintf(line, sizeof line, "MYNAH_DATA=%s/data '%s' %s >%s/out 2>%s/err </dev/null", dir,
             program, args, dir, dir);
    int status = system(line);
    mn_buf_clear(&out);
    RUN(mn_fs_read(mn_fs_join(&ar, dir, "out"), 1 << 20, &out, &e));
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static const char community[] =
    "{\"id\":\"101\",\"author\":\"ann\",\"created_at\":\"2011-01-29T10:00:00Z\",\"text\":\"The "
    "harbour bridge "
    "is closed "
    "for repairs until the end of\\n\\tMarch, says the city; boats carry whoever has to cross "
    "in the "
    "meantime.\\n\\t\\t-- Harbour office, \\\"News\\\"\"}\n"
    "{\"id\":\"102\",\"author\":\"bert\",\"created_at\":\"2011-01-30T10:00:00Z\",\"text\":"
    "\"Harbour bridge "
    "closed for "
    "repairs until the end of March; the city says boats carry whoever must cross, so bring "
    "coins "
    "for the ferry.\"}\n"
    "{\"id\":\"103\",\"author\":\"carl\",\"created_at\":\"2011-01-31T10:00:00Z\",\"text\":\"My "
    "cat has learnt "
    "to open "
    "the fridge. "
    "\\u001b["
    "31m\\u6771\\u4eac\\u6771\\u4eac\\u6771\\u4eac\\u6771\\u4eac\\u6771\\u4eac\\u6771\\u4eac"
    "\\u6771\\u4eac\\u6771\\u4eac\\u6771\\u4eac\\u6771\\u4eac\\u6771\\u4eac\\u6771\\u4eac\\u677"
    "1\\u4eac\\u6771"
    "\\u4eac\\u6771\\u4eac\\u6771\\u4eac\\u6771\\u4eac\\u6771\\u4eac\\u6771\\u4eac\\u6771\\u4ea"
    "c\\u6771\\u4eac\"}\n";

static int set_up(void **state)
{
    char args[256];
    (void)state;
    mn_arena_init(&ar, 0);
    mn_buf_init(&out, 0);
    test_tmp(dir);
    const char *path = mn_fs_join(&ar, dir, "posts.jsonl");
    RUN(mn_fs_write_atomic(path, community, sizeof community - 1, &e));
    snprintf(args, sizeof args,
             "import %s --as ann --format jsonl --consent inference_input=allow", path);
    OK(mynah(args) == 0);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    mn_buf_release(&out);
    mn_arena_release(&ar);
    test_tmp_remove(dir);
    return 0;
}

/* No line is wider than 80 columns (code points; ideographs are two) or holds a control character. */
static void is_for_a_terminal(void)
{
    mn_str rest = mn_buf_str(&out);
    while (rest.ptr) {
        mn_str line = mn_str_split(rest, '\n', &rest);
        size_t columns = 0;
        for (size_t at = 0, n; at < line.len; at += n) {
            uint32_t c = 0;
            n = mn_utf8_decode(line.ptr + at, line.len - at, &c);
            OK(n > 0 && c >= ' ');
            columns += c >= 0x2E80 ? 2 : 1;
        }
        OK(columns <= 80);
    }
}

static bool has(const char *text)
{
    return mn_str_find(mn_buf_str(&out), mn_str_from(text), 0) != SIZE_MAX;
}

static void an_answer_reads_well_in_eighty_columns(void **state)
{
    (void)state;
    OK(mynah("ask 'Is the harbour bridge closed?'") == 0);
    is_for_a_terminal();
    OK(mn_str_starts(
        mn_buf_str(&out),
        "The harbour bridge is closed for repairs until the end of March, says the "
        "city;\n"
        "boats carry whoever has to cross in the meantime. [1] [2]\n"
        "    2 accounts say this, first on 29 Jan 2011\n\n"
        "[1] @ann, 29 Jan 2011, /@ann/"));
    OK(has("[2] @bert, 30 Jan 2011, /@bert/") && !has("unconfirmed"));
    OK(mynah("ask 'What has the cat learnt about the fridge?'") == 0);
    is_for_a_terminal();
    OK(has("    one account says this, on 31 Jan 2011: unconfirmed\n"));
    mn_str first = mn_buf_str(&out);
    size_t at = mn_str_find(first, MN_STR("unconfirmed"), 0);
    OK(mn_str_find(first, MN_STR("unconfirmed"), at + 1) == SIZE_MAX); /* once */
    OK(mynah("ask 'Who painted the Sistine chapel?'") == 0 &&
       has("Nothing here speaks of it.\n"));
}

static void json_tells_who_says_it_and_since_when(void **state)
{
    mn_json *d = NULL;
    (void)state;
    OK(mynah("ask 'Is the harbour bridge closed?' --json") == 0);
    RUN(mn_json_parse(mn_buf_str(&out), &ar, &d, &e));
    OK(mn_json_bool(mn_json_get(d, "found"), false));
    const mn_json *line = mn_json_at(mn_json_get(d, "answer"), 0);
    OK(mn_json_get(line, "citations")->n == 2 && mn_json_get(d, "posts")->n == 2);
    OK(mn_json_u64(mn_json_get(line, "n_posts"), 0) == 2);
    OK(mn_json_u64(mn_json_get(line, "n_accounts"), 0) == 2);
    OK(mn_json_u64(mn_json_get(line, "first_ms"), 0) == UINT64_C(1296295200000));
    OK(!mn_json_bool(mn_json_get(line, "unconfirmed"), true));
    OK(!mn_json_bool(mn_json_get(line, "generated"), true));
    OK(mn_json_get(d, "took_ms"));
}

static void hits_read_well_in_eighty_columns(void **state)
{
    (void)state;
    OK(mynah("search harbour bridge fridge") == 0);
    is_for_a_terminal();
    OK(has("  @ann, 29 Jan 2011\n    The harbour bridge is closed") &&
       has("@carl, 31 Jan 2011\n"));
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        CASE(an_answer_reads_well_in_eighty_columns),
        CASE(json_tells_who_says_it_and_since_when),
        CASE(hits_read_well_in_eighty_columns),
    };
    (void)argc;
    /* the program stands beside the tests: B/mynah for B/tests/unit/cmd/test_ask */
    snprintf(program, sizeof program, "%s", argv[0]);
    for (int i = 0; i < 4; i++) {
        char *slash = strrchr(program, '/');
        if (slash) *slash = '\0';
    }
    snprintf(program + strlen(program), sizeof program - strlen(program), "/mynah");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
