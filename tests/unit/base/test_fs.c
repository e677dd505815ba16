#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

static char dir[64], path[256];
static mn_err e;

static const char *at(const char *name)
{
    snprintf(path, sizeof path, "%s/%s", dir, name);
    return path;
}

static int begin(void **state)
{
    (void)state;
    e = (mn_err){0};
    test_tmp(dir);
    return 0;
}

static int end(void **state)
{
    (void)state;
    mn_mem_fail_after(0);
    chmod(dir, 0700);
    test_tmp_remove(dir);
    assert_false(mn_fs_exists(dir));
    return 0;
}

static void holds(const char *name, const char *text)
{
    mn_buf b;
    mn_buf_init(&b, 0);
    RUN(mn_fs_read(at(name), 1000, &b, &e));
    IS(mn_buf_str(&b), text);
    mn_buf_release(&b);
}

static void what_was_written_is_read(void **state)
{
    (void)state;
    mn_buf b;
    mn_buf_init(&b, 0);
    RUN(mn_fs_write_atomic(at("a"), "hello", 5, &e));
    mn_buf_addz(&b, "so: ");
    RUN(mn_fs_read(at("a"), 5, &b, &e));
    assert_string_equal(b.ptr, "so: hello");
    RUN(mn_fs_write_atomic(at("a"), "", 0, &e));
    holds("a", "");
    OK(!mn_fs_exists(at("a.tmp")));
    mn_buf_release(&b);
}

static void large_files_are_read_whole(void **state)
{
    (void)state;
    enum { N = 3000000 };
    char *text = malloc(N);
    mn_buf b;
    uint64_t size = 0;
    for (int i = 0; i < N; i++) text[i] = (char)(i * 7 + i / 1000);
    mn_buf_init(&b, 0);
    RUN(mn_fs_write_atomic(at("big"), text, N, &e));
    RUN(mn_fs_read(at("big"), N, &b, &e));
    OK(b.len == N && memcmp(b.ptr, text, N) == 0);
    RUN(mn_fs_size(at("big"), &size, &e));
    assert_int_equal(size, N);
    mn_buf_release(&b);
    free(text);
    mn_buf_init(&b, 0);
    RUN(mn_fs_read("/proc/self/status", 100000, &b, &e)); /* says its size is 0 */
    OK(mn_str_find(mn_buf_str(&b), MN_STR("Pid:"), 0) != SIZE_MAX);
    mn_buf_release(&b);
}

static void reads_that_fail_leave_the_buffer_alone(void **state)
{
    (void)state;
    mn_buf b;
    mn_buf_init(&b, 0);
    mn_buf_addz(&b, "kept");
    RUN(mn_fs_write_atomic(at("a"), "hello", 5, &e));
    FAILS(MN_E_LIMIT, mn_fs_read(at("a"), 4, &b, &e));
    OK(strstr(e.msg, "larger than 4 bytes"));
    FAILS(MN_E_NOT_FOUND, mn_fs_read(at("none"), 4, &b, &e));
    OK(strstr(e.msg, "No such file"));
    FAILS(MN_E_IO, mn_fs_read(dir, 4000, &b, &e));
    assert_string_equal(b.ptr, "kept");
    mn_buf_release(&b);
    mn_buf_init(&b, 4);
    FAILS(MN_E_LIMIT, mn_fs_read(at("a"), 100, &b, &e));
    OK(b.len == 0 && b.failed == MN_E_LIMIT);
    FAILS(MN_E_LIMIT, mn_fs_read(at("a"), 100, &b, &e));
    mn_buf_release(&b);
    mn_buf_init(&b, 0);
    mn_mem_fail_after(1);
    FAILS(MN_E_NOMEM, mn_fs_read(at("a"), 100, &b, &e));
    mn_mem_fail_after(0);
    mn_buf_release(&b);
}

static void a_file_may_fill_its_buffer_to_the_brim(void **state)
{
    (void)state;
    mn_buf b;
    char text[300];
    memset(text, 'x', sizeof text);
    for (size_t n = 0; n < sizeof text; n += 37) {
        RUN(mn_fs_write_atomic(at("a"), text, n, &e));
        mn_buf_init(&b, n ? n : 1);
        RUN(mn_fs_read(at("a"), n, &b, &e));
        OK(b.len == n && b.cap <= n + 3);
        mn_buf_release(&b);
    }
}

static void a_failed_write_leaves_the_old_file(void **state)
{
    (void)state;
    RUN(mn_fs_write_atomic(at("a"), "old", 3, &e));
    assert_int_equal(mkdir(at("a.tmp"), 0700), 0); /* in the way of the new one */
    FAILS(MN_E_IO, mn_fs_write_atomic(at("a"), "new", 3, &e));
    OK(strstr(e.msg, "a.tmp"));
    holds("a", "old");
    assert_int_equal(rmdir(at("a.tmp")), 0);
    mn_mem_fail_after(1);
    FAILS(MN_E_NOMEM, mn_fs_write_atomic(at("a"), "new", 3, &e));
    mn_mem_fail_after(0);
    holds("a", "old");
    assert_int_equal(mkdir(at("d"), 0700), 0);
    FAILS(MN_E_IO, mn_fs_write_atomic(at("d"), "new", 3, &e));
    OK(mn_fs_is_dir(at("d")) && !mn_fs_exists(at("d.tmp")));
    FAILS(MN_E_IO, mn_fs_write_atomic(at("none/a"), "new", 3, &e));
}

static void a_write_that_does_not_fit_leaves_the_old_file(void **state)
{
    (void)state;
    RUN(mn_fs_write_atomic(at("a"), "old", 3, &e));
    pid_t pid = fork(); /* the limit is the process's own */
    if (pid == 0) {
        struct rlimit small = {100, 100};
        char text[500] = {0};
        signal(SIGXFSZ, SIG_IGN);
        setrlimit(RLIMIT_FSIZE, &small);
        bool right = mn_fs_write_atomic(at("a"), text, sizeof text, &e) == MN_E_IO;
        _exit(right && !mn_fs_exists(at("a.tmp")) ? 0 : 1);
    }
    int status;
    waitpid(pid, &status, 0);
    OK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    holds("a", "old");
}

static void a_replaced_file_keeps_its_mode(void **state)
{
    (void)state;
    struct stat st;
    RUN(mn_fs_write_atomic(at("a"), "old", 3, &e));
    chmod(at("a"), 0600);
    RUN(mn_fs_write_atomic(at("a"), "new", 3, &e));
    stat(at("a"), &st);
    assert_int_equal(st.st_mode & 0777, 0600);
    holds("a", "new");
}

static void folders_are_made_with_their_parents(void **state)
{
    (void)state;
    struct stat st;
    RUN(mn_fs_mkdirs(at("x/y//z/"), &e));
    OK(mn_fs_is_dir(at("x/y/z")));
    stat(at("x/y"), &st);
    assert_int_equal(st.st_mode & 0777, 0700);
    RUN(mn_fs_mkdirs(at("x/y/z"), &e));
    RUN(mn_fs_mkdirs("/", &e));
    RUN(mn_fs_write_atomic(at("file"), "", 0, &e));
    FAILS(MN_E_IO, mn_fs_mkdirs(at("file"), &e));
    OK(strstr(e.msg, "not a folder"));
    FAILS(MN_E_IO, mn_fs_mkdirs(at("file/below"), &e));
    FAILS(MN_E_IO, mn_fs_mkdirs("", &e));
}

static void trees_are_removed_but_not_through_links(void **state)
{
    (void)state;
    char target[300];
    RUN(mn_fs_mkdirs(at("keep"), &e));
    snprintf(target, sizeof target, "%s/keep", dir);
    RUN(mn_fs_write_atomic(at("keep/file"), "x", 1, &e));
    RUN(mn_fs_mkdirs(at("gone/a/b"), &e));
    RUN(mn_fs_write_atomic(at("gone/a/file"), "x", 1, &e));
    assert_int_equal(symlink(target, at("gone/link")), 0);
    assert_int_equal(symlink("nowhere", at("gone/dangling")), 0);
    RUN(mn_fs_remove_tree(at("gone"), &e));
    OK(!mn_fs_exists(at("gone")) && mn_fs_exists(at("keep/file")));
    assert_int_equal(symlink(target, at("link")), 0);
    RUN(mn_fs_remove_tree(at("link"), &e));
    OK(!mn_fs_exists(at("link")) && mn_fs_exists(at("keep/file")));
    RUN(mn_fs_remove_tree(at("gone"), &e));
    RUN(mn_fs_remove_tree(at("keep/file"), &e));
    OK(!mn_fs_exists(at("keep/file")));
}

static void names_are_listed_sorted(void **state)
{
    (void)state;
    mn_arena a;
    char **names, file[32];
    size_t n;
    mn_arena_init(&a, 0);
    RUN(mn_fs_list(dir, &a, &names, &n, &e));
    OK(n == 0 && names[0] == NULL);
    for (int i = 0; i < 200; i++) {
        snprintf(file, sizeof file, "f%03d", (i * 37) % 200);
        RUN(mn_fs_write_atomic(at(file), "", 0, &e));
    }
    RUN(mn_fs_write_atomic(at(".hidden"), "", 0, &e));
    RUN(mn_fs_list(dir, &a, &names, &n, &e));
    OK(n == 201 && names[201] == NULL);
    assert_string_equal(names[0], ".hidden");
    assert_string_equal(names[1], "f000");
    assert_string_equal(names[200], "f199");
    FAILS(MN_E_NOT_FOUND, mn_fs_list(at("none"), &a, &names, &n, &e));
    mn_mem_fail_after(1);
    FAILS(MN_E_NOMEM, mn_fs_list(dir, &a, &names, &n, &e));
    mn_mem_fail_after(0);
    mn_arena_release(&a);
}

static void paths_are_joined_and_named(void **state)
{
    (void)state;
    mn_arena a;
    mn_arena_init(&a, 0);
    assert_string_equal(mn_fs_join(&a, "a", "b"), "a/b");
    assert_string_equal(mn_fs_join(&a, "a/", "b"), "a/b");
    assert_string_equal(mn_fs_join(&a, "", "b"), "b");
    assert_string_equal(mn_fs_base("a/b/c.json"), "c.json");
    assert_string_equal(mn_fs_base("c.json"), "c.json");
    assert_string_equal(mn_fs_base("a/"), "");
    mn_arena_release(&a);
}

static void a_lock_has_one_holder_who_is_named(void **state)
{
    (void)state;
    mn_fs_lock one, two = {-1};
    char mine[32];
    RUN(mn_fs_lock_take(at("lock"), &one, &e));
    FAILS(MN_E_BUSY, mn_fs_lock_take(at("lock"), &two, &e));
    snprintf(mine, sizeof mine, "held by process %ld", (long)getpid());
    OK(strstr(e.msg, mine) && strstr(e.msg, "lock"));
    assert_int_equal(two.fd, -1);
    mn_fs_lock_release(&one);
    RUN(mn_fs_lock_take(at("lock"), &two, &e));
    mn_fs_lock_release(&two);
    FAILS(MN_E_IO, mn_fs_lock_take(at("none/lock"), &two, &e));
}

static void a_lock_ends_with_its_process(void **state)
{
    (void)state;
    int ready[2];
    char c;
    mn_fs_lock l;
    assert_int_equal(pipe(ready), 0);
    pid_t pid = fork();
    if (pid == 0) {
        c = mn_fs_lock_take(at("lock"), &l, &e) == MN_OK ? 'y' : 'n';
        if (write(ready[1], &c, 1) != 1) _exit(1);
        for (;;) pause();
    }
    assert_int_equal(read(ready[0], &c, 1), 1);
    assert_int_equal(c, 'y');
    FAILS(MN_E_BUSY, mn_fs_lock_take(at("lock"), &l, &e));
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    RUN(mn_fs_lock_take(at("lock"), &l, &e));
    mn_fs_lock_release(&l);
    close(ready[0]), close(ready[1]);
}

static double resident_mb(void)
{
    long size = 0, pages = 0;
    FILE *f = fopen("/proc/self/statm", "re");
    OK(f && fscanf(f, "%ld %ld", &size, &pages) == 2);
    fclose(f);
    return (double)pages * (double)sysconf(_SC_PAGESIZE) / 1e6;
}

static void a_map_that_rests_holds_no_memory(void **state)
{
    (void)state;
    enum { N = 16 << 20 };
    mn_fs_map m;
    uint64_t sum = 0;
    char *bytes = mn_calloc(1, N);
    OK(bytes);
    memset(bytes, 1, N);
    RUN(mn_fs_write_atomic(at("a"), bytes, N, &e));
    mn_free(bytes);
    RUN(mn_fs_map_open(at("a"), &m, &e));
    for (size_t i = 0; i < m.len; i++) sum += m.ptr[i];
    double touched = resident_mb();
    mn_fs_map_rest(&m);
    OK(resident_mb() < touched - 12);
    for (size_t i = 0; i < m.len; i++) sum += m.ptr[i];
    OK(sum == 2 * (uint64_t)N);
    mn_fs_map_close(&m);
}

static void files_are_mapped(void **state)
{
    (void)state;
    mn_fs_map m;
    RUN(mn_fs_write_atomic(at("a"), "mapped", 6, &e));
    RUN(mn_fs_map_open(at("a"), &m, &e));
    OK(m.len == 6 && memcmp(m.ptr, "mapped", 6) == 0);
    mn_fs_map_rest(&m);
    OK(memcmp(m.ptr, "mapped", 6) == 0);
    mn_fs_map_close(&m);
    RUN(mn_fs_write_atomic(at("a"), "", 0, &e));
    RUN(mn_fs_map_open(at("a"), &m, &e));
    mn_fs_map_rest(&m);
    OK(m.len == 0 && m.ptr && m.ptr[0] == '\0');
    mn_fs_map_close(&m);
    FAILS(MN_E_NOT_FOUND, mn_fs_map_open(at("none"), &m, &e));
    FAILS(MN_E_IO, mn_fs_map_open(dir, &m, &e));
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, begin, end)
    const struct CMUnitTest tests[] = {
        T(what_was_written_is_read),
        T(large_files_are_read_whole),
        T(reads_that_fail_leave_the_buffer_alone),
        T(a_file_may_fill_its_buffer_to_the_brim),
        T(a_failed_write_leaves_the_old_file),
        T(a_write_that_does_not_fit_leaves_the_old_file),
        T(a_replaced_file_keeps_its_mode),
        T(folders_are_made_with_their_parents),
        T(trees_are_removed_but_not_through_links),
        T(names_are_listed_sorted),
        T(paths_are_joined_and_named),
        T(a_lock_has_one_holder_who_is_named),
        T(a_lock_ends_with_its_process),
        T(files_are_mapped),
        T(a_map_that_rests_holds_no_memory),
    };
    return cmocka_run_group_tests_name("fs", tests, NULL, NULL);
}
