/* Walking folders and archives, hostile ones above all. */
#include "test.h"

#include <fcntl.h>
#include <locale.h>

#include <archive.h>
#include <archive_entry.h>

#include "archive/source.h"

static mn_err e;
static char dir[64];

static const char *at(const char *name)
{
    static char path[4][256];
    static int turn;
    turn = (turn + 1) % 4;
    snprintf(path[turn], sizeof path[turn], "%s/%s", dir, name);
    return path[turn];
}
static int set_up(void **st)
{
    (void)st;
    test_tmp(dir);
    return 0;
}
static int tear_down(void **st)
{
    (void)st;
    test_tmp_remove(dir);
    return 0;
}

/* ---- making archives ------------------------------------------------------------------------------------------------ */

typedef enum kind { TAR, TGZ, ZIP } kind;
static struct archive *begin(kind k, const char *path)
{
    struct archive *a = archive_write_new();
    if (k == ZIP) archive_write_set_format_zip(a);
    else archive_write_set_format_pax_restricted(a);
    if (k == TGZ) archive_write_add_filter_gzip(a);
    OK(archive_write_open_filename(a, path) == ARCHIVE_OK);
    return a;
}
static void add(struct archive *a, const char *name, const void *p, size_t n)
{
    struct archive_entry *en = archive_entry_new();
    archive_entry_set_pathname(en, name);
    archive_entry_set_filetype(en, AE_IFREG);
    archive_entry_set_perm(en, 0644);
    archive_entry_set_size(en, (la_int64_t)n);
    locale_t utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0), before = uselocale(utf8);
    OK(archive_write_header(a, en) == ARCHIVE_OK);
    uselocale(before);
    freelocale(utf8);
    if (n) OK(archive_write_data(a, p, n) == (la_ssize_t)n);
    archive_entry_free(en);
}
static void add_special(struct archive *a, const char *name, unsigned type,
                        const char *symlink_to, const char *hardlink_to)
{
    struct archive_entry *en = archive_entry_new();
    archive_entry_set_pathname(en, name);
    archive_entry_set_filetype(en, type);
    archive_entry_set_perm(en, 0644);
    if (symlink_to) archive_entry_set_symlink(en, symlink_to);
    if (hardlink_to) archive_entry_set_hardlink(en, hardlink_to);
    OK(archive_write_header(a, en) == ARCHIVE_OK);
    archive_entry_free(en);
}
static void done(struct archive *a)
{
    OK(archive_write_close(a) == ARCHIVE_OK);
    archive_write_free(a);
}

/* Reads everything; *names gets "a:3 b:0 ", name and length. */
static mn_rc walk(const char *path, const mn_source_limits *l, mn_buf *names)
{
    mn_source *s;
    mn_rc rc = mn_source_open(path, l, &s, &e);
    if (rc != MN_OK) return rc;
    for (int pass = 0; pass < 2 && rc == MN_OK;
         pass++) { /* the second must be like the first */
        mn_buf_clear(names);
        for (;;) {
            mn_str name;
            bool more = false;
            if ((rc = mn_source_next(s, &name, &more, &e)) != MN_OK || !more) break;
            char block[1000];
            size_t got = 1, n = 0;
            mn_buf_addf(names, "%.*s:", MN_STR_FMT(name));
            while (rc == MN_OK && got) {
                rc = mn_source_read(s, block, sizeof block, &got, &e);
                n += rc == MN_OK ? got : 0;
            }
            if (rc != MN_OK) break;
            mn_buf_addf(names, "%zu ", n);
        }
        if (rc == MN_OK) rc = mn_source_rewind(s, &e);
    }
    mn_source_close(s);
    return rc;
}
static void gives(const char *path, const char *expected)
{
    mn_buf b;
    mn_buf_init(&b, 0);
    RUN(walk(path, NULL, &b));
    assert_string_equal(b.ptr, expected);
    mn_buf_release(&b);
}
static void refuses(mn_rc code, const char *path, const mn_source_limits *l)
{
    mn_buf b;
    mn_buf_init(&b, 0);
    e = (mn_err){0};
    FAILS(code, walk(path, l, &b));
    OK(e.msg[0] != '\0');
    mn_buf_release(&b);
}

/* ---- the tests ------------------------------------------------------------------------------------------------------ */

static void archives_of_all_kinds_give_their_files(void **st)
{
    (void)st;
    static const char *const names[] = {"a.tar", "a.tar.gz", "a.zip"};
    for (int k = TAR; k <= ZIP; k++) {
        struct archive *a = begin((kind)k, at(names[k]));
        add(a, "./one", "123", 3);
        add_special(a, "dir/", AE_IFDIR, NULL, NULL);
        add(a, "dir/zwei-\xc3\xa4", "", 0);
        done(a);
        gives(at(names[k]), "one:3 dir/zwei-\xc3\xa4:0 ");
    }
}
static void a_single_file_is_its_own_entry(void **st)
{
    (void)st;
    RUN(mn_fs_write_atomic(at("f.jsonl"), "hello", 5, &e));
    gives(at("f.jsonl"), "f.jsonl:5 ");
    refuses(MN_E_NOT_FOUND, at("absent"), NULL);
    refuses(MN_E_UNSUPPORTED, "/dev/null", NULL);
}
static void names_that_lead_elsewhere_are_refused(void **st)
{
    (void)st;
    static const char *const bad[] = {"/etc/x", "../x",  "a/../../x", "a//x", "a\\..\\x", "..",
                                      "a/./x",  "C:\\x", "c:x",       "a\nb", "a/.."};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct archive *a = begin(TAR, at("bad.tar"));
        add(a, "fine", "1", 1);
        add(a, bad[i], "x", 1);
        done(a);
        refuses(MN_E_PARSE, at("bad.tar"), NULL);
    }
}
static void links_and_devices_in_archives_are_refused(void **st)
{
    (void)st;
    struct archive *a = begin(TAR, at("l.tar"));
    add_special(a, "link", AE_IFLNK, "/etc/passwd", NULL);
    done(a);
    refuses(MN_E_PARSE, at("l.tar"), NULL);
    a = begin(TAR, at("h.tar"));
    add(a, "file", "1", 1);
    add_special(a, "hard", AE_IFREG, NULL, "file");
    done(a);
    refuses(MN_E_PARSE, at("h.tar"), NULL);
    a = begin(TAR, at("d.tar"));
    add_special(a, "fifo", AE_IFIFO, NULL, NULL);
    done(a);
    refuses(MN_E_PARSE, at("d.tar"), NULL);
    a = begin(ZIP, at("l.zip"));
    add_special(a, "link", AE_IFLNK, "../x", NULL);
    done(a);
    refuses(MN_E_PARSE, at("l.zip"), NULL);
}
static void an_entry_that_is_there_twice_is_refused(void **st)
{
    (void)st;
    struct archive *a = begin(TAR, at("two.tar"));
    add(a, "outbox.json", "1", 1);
    add(a, "./outbox.json", "2", 1);
    done(a);
    refuses(MN_E_PARSE, at("two.tar"), NULL);
}
static void bombs_are_stopped_early(void **st)
{
    (void)st;
    size_t n = (size_t)40 << 20;
    char *zeros = calloc(1, n);
    static const char *const names[] = {"b.tar", "b.tar.gz", "b.zip"};
    for (int k = TGZ; k <= ZIP; k++) {
        struct archive *a = begin((kind)k, at(names[k]));
        add(a, "zeros", zeros, n);
        done(a);
        refuses(MN_E_LIMIT, at(names[k]), NULL); /* the usual ratio */
        mn_source_limits l = mn_source_usual_limits;
        l.ratio = 1 << 20;
        l.total_bytes = 1 << 20;
        refuses(MN_E_LIMIT, at(names[k]), &l); /* the total */
    }
    /* A plain tar of the same size is no bomb. */
    struct archive *a = begin(TAR, at("b.tar"));
    add(a, "zeros", zeros, n);
    done(a);
    free(zeros);
    gives(at("b.tar"), "zeros:41943040 ");
}
static void skipping_over_a_bomb_is_stopped_too(void **st)
{
    (void)st;
    size_t n = (size_t)40 << 20;
    char *zeros = calloc(1, n);
    struct archive *a = begin(TGZ, at("s.tar.gz"));
    add(a, "zeros", zeros, n);
    add(a, "after", "1", 1);
    done(a);
    free(zeros);
    mn_source *s;
    mn_str name;
    bool more;
    RUN(mn_source_open(at("s.tar.gz"), NULL, &s, &e));
    RUN(mn_source_next(s, &name, &more, &e));
    FAILS(MN_E_LIMIT, mn_source_next(s, &name, &more, &e));
    mn_source_close(s);
}
static void too_many_entries_are_refused(void **st)
{
    (void)st;
    struct archive *a = begin(ZIP, at("many.zip"));
    char name[16];
    for (int i = 0; i < 20; i++) {
        snprintf(name, sizeof name, "f%d", i);
        add(a, name, "", 0);
    }
    done(a);
    mn_source_limits l = mn_source_usual_limits;
    l.entries = 20;
    mn_buf b;
    mn_buf_init(&b, 0);
    RUN(walk(at("many.zip"), &l, &b));
    mn_buf_release(&b);
    l.entries = 19;
    refuses(MN_E_LIMIT, at("many.zip"), &l);
}
static void a_cut_archive_is_an_error_not_an_end(void **st)
{
    (void)st;
    struct archive *a = begin(TGZ, at("cut.tar.gz"));
    char noise[20000];
    for (size_t i = 0; i < sizeof noise; i++) noise[i] = (char)(i * 2654435761u >> 13);
    add(a, "one", noise, sizeof noise);
    add(a, "two", noise, sizeof noise);
    done(a);
    uint64_t size;
    RUN(mn_fs_size(at("cut.tar.gz"), &size, &e));
    OK(truncate(at("cut.tar.gz"), (off_t)size / 2) == 0);
    refuses(MN_E_PARSE, at("cut.tar.gz"), NULL);
    RUN(mn_fs_write_atomic(at("junk.zip"), "PK\3\4 and then nothing", 22, &e));
    refuses(MN_E_PARSE, at("junk.zip"), NULL);
}
static void folders_are_walked_in_order_and_links_passed_over(void **st)
{
    (void)st;
    RUN(mn_fs_mkdirs(at("f/b"), &e));
    RUN(mn_fs_write_atomic(at("f/c"), "333", 3, &e));
    RUN(mn_fs_write_atomic(at("f/a"), "1", 1, &e));
    RUN(mn_fs_write_atomic(at("f/b/x"), "22", 2, &e));
    RUN(mn_fs_write_atomic(at("secret"), "s", 1, &e));
    OK(symlink("../secret", at("f/link")) == 0);
    OK(symlink("/", at("f/root")) == 0);
    OK(mkfifo(at("f/pipe"), 0600) == 0);
    gives(at("f"), "a:1 b/x:2 c:3 ");
    mn_source *s;
    mn_str name;
    bool more = true;
    RUN(mn_source_open(at("f"), NULL, &s, &e));
    uint64_t done = 9, total = 0;
    mn_source_progress(s, &done, &total);
    OK(done == 0 && total == 6);
    while (more) RUN(mn_source_next(s, &name, &more, &e));
    OK(mn_source_passed_over(s) == 3);
    mn_source_progress(s, &done, &total);
    OK(done >= 3 && done <= 6 && total == 6); /* files that nobody read count too */
    mn_source_close(s);
}
static void too_deep_folders_are_refused(void **st)
{
    (void)st;
    mn_buf b;
    mn_buf_init(&b, 0);
    mn_buf_addf(&b, "%s/deep", dir);
    for (int i = 0; i < 40; i++) mn_buf_addz(&b, "/d");
    RUN(mn_fs_mkdirs(b.ptr, &e));
    mn_buf_release(&b);
    refuses(MN_E_PARSE, at("deep"), NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(archives_of_all_kinds_give_their_files),
        TEST(a_single_file_is_its_own_entry),
        TEST(names_that_lead_elsewhere_are_refused),
        TEST(links_and_devices_in_archives_are_refused),
        TEST(an_entry_that_is_there_twice_is_refused),
        TEST(bombs_are_stopped_early),
        TEST(skipping_over_a_bomb_is_stopped_too),
        TEST(too_many_entries_are_refused),
        TEST(a_cut_archive_is_an_error_not_an_end),
        TEST(folders_are_walked_in_order_and_links_passed_over),
        TEST(too_deep_folders_are_refused),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
