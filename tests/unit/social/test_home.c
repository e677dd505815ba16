/* The data folder: made, opened again, and the ways in which it cannot be. */
#include "test.h"

#include <sys/wait.h>

#include "base/conf.h"
#include "social/settings.h"
#include "social/social.h"

static char dir[64];
static mn_err e;
static mn_arena ar;

static int set_up(void **state)
{
    (void)state;
    e = (mn_err){0};
    mn_arena_init(&ar, 0);
    test_tmp(dir);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    mn_arena_release(&ar);
    chmod(dir, 0700);
    test_tmp_remove(dir);
    return 0;
}

static const char *in(const char *name)
{
    return mn_fs_join(&ar, dir, name);
}

static void put(const char *name, const char *text)
{
    RUN(mn_fs_write_atomic(in(name), text, strlen(text), &e));
}

static void first_use_makes_a_private_folder_with_settings(void **state)
{
    (void)state;
    mn_home h = {0};
    struct stat st;
    mn_buf b;
    RUN(mn_home_open(in("deep/data"), &h, &e));
    OK(stat(in("deep/data"), &st) == 0 && (st.st_mode & 0777) == 0700);
    OK(mn_fs_exists(in("deep/data/mynah.conf")) && mn_fs_exists(in("deep/data/mynah.db")));
    assert_string_equal(mn_conf_get(h.conf, "listen"), "127.0.0.1:8420");
    assert_string_equal(mn_home_path(&h, &ar, "models"), in("deep/data/models"));
    mn_home_close(&h);
    OK(h.store == NULL && h.dir == NULL);
    mn_home_close(&h); /* closing what is closed is fine */
    mn_buf_init(&b, 0);
    RUN(mn_fs_read(in("deep/data/mynah.conf"), 1 << 20, &b, &e));
    for (const mn_conf_key *k = mn_settings; k->name; k++) OK(strstr(b.ptr, k->name));
    mn_buf_release(&b);
}

static void settings_written_by_hand_are_read_and_kept(void **state)
{
    (void)state;
    mn_home h = {0};
    put("mynah.conf", "domain = birds.example\ndurability = full\ndatabase = other.db\n");
    RUN(mn_home_open(dir, &h, &e));
    assert_string_equal(mn_conf_get(h.conf, "domain"), "birds.example");
    OK(mn_fs_exists(in("other.db")) && !mn_fs_exists(in("mynah.db")));
    mn_home_close(&h);
}

static void the_folder_comes_from_option_or_environment(void **state)
{
    (void)state;
    mn_home h = {0};
    setenv("MYNAH_DATA", in("env"), 1);
    RUN(mn_home_open(NULL, &h, &e));
    assert_string_equal(h.dir, in("env"));
    mn_home_close(&h);
    RUN(mn_home_open(in("option"), &h, &e));
    assert_string_equal(h.dir, in("option"));
    mn_home_close(&h);
    unsetenv("MYNAH_DATA");
}

static void a_file_in_its_place_is_said(void **state)
{
    (void)state;
    mn_home h = {0};
    put("file", "x");
    FAILS(MN_E_IO, mn_home_open(in("file"), &h, &e));
    OK(strstr(e.msg, "not a folder") && strstr(e.msg, "--data"));
    FAILS(MN_E_IO, mn_home_open(in("file/below"), &h, &e));
    OK(strstr(e.msg, "--data"));
    OK(h.store == NULL && h.dir == NULL);
}

/* In a child that is nobody, because root writes everywhere: 0 when the failure is the right one. */
static int open_as_nobody(void)
{
    mn_home h = {0};
    if (geteuid() == 0 && setuid(65534) != 0) return 1;
    if (mn_home_open(dir, &h, &e) != MN_E_IO) return 2;
    return strstr(e.msg, "make it writable") && strstr(e.msg, dir) ? 0 : 3;
}

static void a_folder_that_cannot_be_written_is_said(void **state)
{
    (void)state;
    int status = 0;
    OK(chmod(dir, 0555) == 0);
    pid_t pid = fork();
    if (pid == 0) _exit(open_as_nobody());
    waitpid(pid, &status, 0);
    OK(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void wrong_settings_are_said_with_their_line(void **state)
{
    (void)state;
    mn_home h = {0};
    put("mynah.conf", "domain = x\nlissten = 1\n");
    FAILS(MN_E_USAGE, mn_home_open(dir, &h, &e));
    OK(strstr(e.msg, "mynah.conf:2") && strstr(e.msg, "listen"));
    put("mynah.conf", "durability = sometimes\n");
    FAILS(MN_E_USAGE, mn_home_open(dir, &h, &e));
    OK(strstr(e.msg, "sometimes"));
    put("mynah.conf", "database = postgres://u:secret@h/y?nonsense=1\n");
    FAILS(MN_E_USAGE, mn_home_open(dir, &h, &e));
    OK(strstr(e.msg, "postgres://USER@HOST/DATABASE") && !strstr(e.msg, "secret"));
    put("mynah.conf", "database = postgres:///y?host=/nowhere/at/all\n");
    FAILS(MN_E_IO, mn_home_open(dir, &h, &e));
    OK(strstr(e.msg, "cannot reach the PostgreSQL server"));
}

static void a_damaged_database_is_said_and_left_alone(void **state)
{
    (void)state;
    mn_home h = {0};
    put("mynah.db",
        "these are not the bytes of a database, but there are enough of them to tell");
    FAILS(MN_E_CORRUPT, mn_home_open(dir, &h, &e));
    OK(strstr(e.msg, "mynah.db") && strstr(e.msg, "restore"));
    OK(h.store == NULL && h.conf == NULL);
}

static void without_memory_it_fails_cleanly(void **state)
{
    (void)state;
    mn_rc rc = MN_E_NOMEM;
    long n = 1;
    for (; n < 1000; n++) {
        mn_home h = {0};
        mn_mem_fail_after(n);
        rc = mn_home_open(dir, &h, &e);
        mn_mem_fail_after(0);
        if (rc == MN_OK) {
            mn_home_close(&h);
            break;
        }
        OK(h.store == NULL && h.dir == NULL);
    }
    OK(n > 5 && n < 1000);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(first_use_makes_a_private_folder_with_settings),
        CASE(settings_written_by_hand_are_read_and_kept),
        CASE(the_folder_comes_from_option_or_environment),
        CASE(a_file_in_its_place_is_said),
        CASE(a_folder_that_cannot_be_written_is_said),
        CASE(wrong_settings_are_said_with_their_line),
        CASE(a_damaged_database_is_said_and_left_alone),
        CASE(without_memory_it_fails_cleanly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
