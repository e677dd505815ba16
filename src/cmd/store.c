/* mynah store: a community's database as a whole: copied to another, checked. */
#include "cmd/cmd.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/progress.h"
#include "base/stop.h"
#include "social/social.h"
#include "store/move.h"

/* Draws the bar; false when a stop was asked for. */
static bool tell(void *arg, const char *what, uint64_t done, uint64_t total)
{
    mn_progress *p = arg;
    if (p->label != what) {
        if (p->label) mn_progress_end(p);
        mn_progress_start(p, what, "rows", total);
    }
    mn_progress_set(p, done);
    return !mn_stop_requested();
}

static void put_digest(mn_json_writer *w, const mn_digest *d)
{
    char hex[MN_HEX256];
    mn_jw_key(w, "tables");
    mn_jw_array(w);
    for (size_t i = 0; i < d->n; i++) {
        mn_jw_object(w);
        mn_jw_kstr(w, "name", d->tables[i].name);
        mn_jw_ku64(w, "rows", d->tables[i].rows);
        mn_jw_kstrz(w, "sha256", mn_hex(d->tables[i].sha256, 32, hex));
        mn_jw_object_end(w);
    }
    mn_jw_array_end(w);
    mn_jw_ku64(w, "rows", d->rows);
}

static void print_digest(const mn_digest *d)
{
    char hex[MN_HEX256];
    for (size_t i = 0; i < d->n; i++)
        if (d->tables[i].rows > 0)
            printf("%-24.*s %12llu  %.16s\n", MN_STR_FMT(d->tables[i].name),
                   (unsigned long long)d->tables[i].rows, mn_hex(d->tables[i].sha256, 32, hex));
}

static bool is_url(const char *name)
{
    return strstr(name, "://") != NULL;
}

/* A database that must be there: opening makes one otherwise. */
static mn_rc open_existing(const char *name, mn_store **ret, mn_err *e)
{
    if (!is_url(name) && !mn_fs_exists(name))
        return mn_fail(e, MN_E_NOT_FOUND, "there is no database file '%s'", name);
    return mn_store_open(name, ret, e);
}

/* ---- move -------------------------------------------------------------------------------------------------------- */

typedef struct moving {
    const char *from, *to;
    bool json;
    mn_store *source, *target;
    mn_arena arena;
    mn_progress bar;
    mn_digest digest;
} moving;

static mn_rc do_move(moving *m, mn_err *e)
{
    MN_TRY(open_existing(m->from, &m->source, e));
    MN_TRY(mn_store_open_opts(m->to, &(mn_store_opts){.unfinished = true}, &m->target, e));
    mn_rc rc = mn_store_move(m->source, m->target, tell, &m->bar, &m->arena, &m->digest, e);
    if (m->bar.label) mn_progress_end(&m->bar);
    return rc;
}

static mn_rc print_moved(const moving *m, double seconds, mn_err *e)
{
    mn_buf b;
    mn_json_writer w;
    if (!m->json) {
        print_digest(&m->digest);
        printf("%llu rows are in '%s', the same as in '%s' (%.1f s); write it as 'database' "
               "into mynah.conf\n",
               (unsigned long long)m->digest.rows, mn_store_shown(m->target),
               mn_store_shown(m->source), seconds);
        return MN_OK;
    }
    mn_buf_init(&b, 0);
    mn_json_writer_init(&w, &b, 0);
    mn_jw_object(&w);
    mn_jw_kstrz(&w, "from", mn_store_shown(m->source));
    mn_jw_kstrz(&w, "to", mn_store_shown(m->target));
    put_digest(&w, &m->digest);
    mn_jw_kf64(&w, "seconds", seconds);
    mn_jw_object_end(&w);
    return mn_cmd_print(&b, e);
}

static int move(int argc, char **argv)
{
    moving m = {0};
    mn_err e = {0};
    int n_pos = 0;
    const mn_opt opts[] = {
        MN_CMD_OPT_JSON(&m.json, "Print {\"from\",\"to\",\"tables\":[{\"name\",\"rows\","
                                 "\"sha256\"}],\"rows\",\"seconds\"}."),
        {0}};
    const mn_usage u = {
        "store move", "FROM TO",
        "Copies a database to an empty one, then reads both again and compares every row. FROM "
        "and TO are files of SQLite or URLs of PostgreSQL, postgres://USER@HOST/DATABASE; a "
        "password belongs into ~/.pgpass. Stop every mynah that writes to FROM before. After "
        "an interruption the same command begins again; until it has come to its end nobody "
        "else opens TO. Media, models and mynah.conf lie in the data folder and stay there.",
        "mynah store move mynah-data/mynah.db postgres://mynah@db.example/mynah"};
    mn_rc rc = mn_args_parse(argc, argv, &u, opts, &n_pos, &e);
    if (rc == MN_OK && n_pos != 2)
        rc = mn_fail(&e, MN_E_USAGE, "expected two databases: mynah store move FROM TO");
    if (rc != MN_OK) return mn_cmd_failed("store move", &e, m.json);
    if (m.json) mn_progress_disable();
    mn_arena_init(&m.arena, 0);
    m.from = argv[1];
    m.to = argv[2];
    int64_t began_us = mn_mono_us();
    rc = do_move(&m, &e);
    if (rc == MN_OK) rc = print_moved(&m, (double)(mn_mono_us() - began_us) / 1e6, &e);
    mn_store_close(m.source);
    mn_store_close(m.target);
    mn_arena_release(&m.arena);
    return rc == MN_OK ? 0 : mn_cmd_failed("store move", &e, m.json);
}

/* ---- check ------------------------------------------------------------------------------------------------------- */

static mn_rc print_checked(mn_store *s, const mn_digest *d, uint64_t lines, bool json,
                           mn_err *e)
{
    mn_buf b;
    mn_json_writer w;
    if (!json) {
        print_digest(d);
        printf("%llu rows in '%s'; the consent ledger is whole: %llu lines\n",
               (unsigned long long)d->rows, mn_store_shown(s), (unsigned long long)lines);
        return MN_OK;
    }
    mn_buf_init(&b, 0);
    mn_json_writer_init(&w, &b, 0);
    mn_jw_object(&w);
    mn_jw_kstrz(&w, "database", mn_store_shown(s));
    put_digest(&w, d);
    mn_jw_ku64(&w, "ledger_lines", lines);
    mn_jw_object_end(&w);
    return mn_cmd_print(&b, e);
}

static mn_rc check_store(mn_store *s, bool json, mn_err *e)
{
    mn_arena arena;
    mn_progress bar = {0};
    mn_digest d = {0};
    uint64_t lines = 0;
    mn_arena_init(&arena, 0);
    mn_rc rc = mn_store_digest(s, tell, &bar, &arena, &d, e);
    if (bar.label) mn_progress_end(&bar);
    if (rc == MN_OK) rc = mn_store_ledger_verify(s, &lines, e);
    if (rc == MN_OK) rc = print_checked(s, &d, lines, json, e);
    mn_arena_release(&arena);
    return rc;
}

static int check(int argc, char **argv)
{
    mn_home home = {0};
    mn_store *named = NULL;
    mn_err e = {0};
    const char *data = NULL;
    bool json = false;
    int n_pos = 0;
    const mn_opt opts[] = {
        MN_CMD_OPT_DATA(&data),
        MN_CMD_OPT_JSON(&json,
                        "Print {\"database\",\"tables\":[{\"name\",\"rows\",\"sha256\"}],"
                        "\"rows\",\"ledger_lines\"}."),
        {0}};
    const mn_usage u = {
        "store check", "[DATABASE]",
        "Reads every row of a database (of the data folder's, when none is named): how many "
        "each table has and a SHA-256 over them in the order of their keys, which is the same "
        "for the same rows in SQLite and in PostgreSQL. Then checks the consent ledger, line "
        "by line, against its hashes and against the settings that follow from it.",
        "mynah store check postgres://mynah@db.example/mynah"};
    mn_rc rc = mn_args_parse(argc, argv, &u, opts, &n_pos, &e);
    if (rc == MN_OK && n_pos > 1)
        rc = mn_fail(&e, MN_E_USAGE, "expected one database: mynah store check DATABASE");
    if (rc != MN_OK) return mn_cmd_failed("store check", &e, json);
    if (json) mn_progress_disable();
    rc = n_pos ? open_existing(argv[1], &named, &e) : mn_home_open(data, &home, &e);
    if (rc == MN_OK) rc = check_store(named ? named : home.store, json, &e);
    mn_store_close(named);
    mn_home_close(&home);
    return rc == MN_OK ? 0 : mn_cmd_failed("store check", &e, json);
}

int mn_cmd_store(int argc, char **argv)
{
    static const mn_cmd verbs[] = {
        {"move", move, "copy the database to an empty one, SQLite or PostgreSQL, and compare"},
        {"check", check, "count and hash the rows of every table; check the consent ledger"},
        {0}};
    return mn_cmd_verbs("store", verbs, argc, argv);
}
