/* The work of moving: a job for each transfer. Progress is kept in memory, because a job that writes holds the database's writer
 * lock between its own commits; the row says how it began and how it ended. A job that was cut short is taken up again (imports
 * know what they brought already, an archive is made anew). */
#include <dirent.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/transfers.h"
#include "archive/import.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/log.h"

#define TABLE_MAX     ((size_t)16 << 20)
#define AT_WORK       8
#define SWEEP_AT_ONCE 100
#define ORPHAN_S      1800

mn_place mn_api__place(const mn_api *a)
{
    return (mn_place){a->home->store, a->domain, a->base, a->home->dir};
}

const char *mn_api__transfer_path(const mn_api *a, mn_str name, mn_arena *ar)
{
    mn_err e = {0};
    mn_str folder = mn_str_fmt(ar, "%s/transfers", a->home->dir);
    if (!folder.ptr || mn_fs_mkdirs(folder.ptr, &e) != MN_OK) return NULL;
    return mn_str_fmt(ar, "%s/%.*s", folder.ptr, MN_STR_FMT(name)).ptr;
}

/* ---- progress -------------------------------------------------------------------------------------------------------- */

static struct {
    pthread_mutex_t lock;
    struct {
        uint64_t id, done, total;
    } items[AT_WORK];
} at_work = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* id 0 in place of `of`: it has ended; `of` 0: it begins. Without a free place it goes on unseen. */
static void note(uint64_t of, uint64_t id, uint64_t done, uint64_t total)
{
    pthread_mutex_lock(&at_work.lock);
    for (size_t i = 0; i < AT_WORK; i++) {
        if (at_work.items[i].id != of) continue;
        at_work.items[i].id = id;
        at_work.items[i].done = done;
        at_work.items[i].total = total;
        break;
    }
    pthread_mutex_unlock(&at_work.lock);
}

bool mn_api__transfer_progress(uint64_t id, uint64_t *ret_done, uint64_t *ret_total)
{
    bool found = false;
    pthread_mutex_lock(&at_work.lock);
    for (size_t i = 0; i < AT_WORK && !found; i++) {
        if (at_work.items[i].id != id) continue;
        found = true;
        *ret_done = at_work.items[i].done;
        *ret_total = at_work.items[i].total;
    }
    pthread_mutex_unlock(&at_work.lock);
    return found;
}

static void on_progress(void *arg, uint64_t done, uint64_t total)
{
    const mn_transfer *t = arg;
    note(t->id, t->id, done, total);
}

static void on_posts(void *arg, uint64_t done, uint64_t total, uint64_t posts)
{
    (void)posts;
    on_progress(arg, done, total);
}

/* ---- the kinds -------------------------------------------------------------------------------------------------------- */

typedef struct work {
    mn_api *a;
    mn_transfer *t;
    mn_arena *ar;
    mn_buf report;
} work;

static unsigned long long ull(uint64_t v)
{
    return (unsigned long long)v;
}

static mn_rc make_archive(work *k, mn_err *e)
{
    mn_export_report r = {0};
    mn_place p = mn_api__place(k->a);
    mn_str file = mn_str_fmt(k->ar, "%llu.zip", ull(k->t->id));
    const char *path = mn_api__transfer_path(k->a, file, k->ar);
    if (!path) return mn_fail(e, MN_E_IO, "the folder for transfers cannot be made");
    MN_TRY(mn_export_run(&p, k->t->account_id, path, on_progress, k->t, &r, e));
    k->t->file = file;
    mn_buf_addf(&k->report, "%llu posts, %llu boosts, %llu media files", ull(r.posts),
                ull(r.boosts), ull(r.media));
    if (r.missing) mn_buf_addf(&k->report, "; %llu files were not there", ull(r.missing));
    return MN_OK;
}

static void describe_import(work *k, const mn_import_report *r)
{
    uint64_t skipped = 0;
    for (int i = 0; i < MN_SKIPS; i++) skipped += r->skipped[i];
    mn_buf_addf(&k->report, "%llu posts brought", ull(r->created));
    if (r->skipped_existing)
        mn_buf_addf(&k->report, ", %llu were here already", ull(r->skipped_existing));
    if (skipped) mn_buf_addf(&k->report, ", %llu left out", ull(skipped));
    if (r->media) mn_buf_addf(&k->report, "; %llu media files", ull(r->media));
    for (size_t i = 0; i < r->n_warnings && k->report.len < 600; i++)
        mn_buf_addf(&k->report, "; %s", r->warnings[i]);
}

static mn_rc bring_archive(work *k, const char *path, mn_err *e)
{
    mn_account me;
    mn_import_report r = {0};
    MN_TRY(mn_store_account_by_id(k->a->home->store, k->t->account_id, k->ar, &me, e));
    mn_import_opts o = {.as = me.name.ptr,
                        .data_dir = k->a->home->dir,
                        .domain = k->a->domain,
                        .base = k->a->base,
                        .thrifty = true,
                        .progress = on_posts,
                        .progress_arg = k->t};
    mn_rc rc = mn_import_run(k->a->home->store, path, &o, &r, e);
    if (rc == MN_OK) describe_import(k, &r);
    mn_import_report_release(&r);
    return rc;
}

static mn_rc bring_table(work *k, mn_moved kind, const char *path, mn_err *e)
{
    mn_buf csv;
    mn_moving_report r = {0};
    mn_place p = mn_api__place(k->a);
    mn_buf_init(&csv, TABLE_MAX);
    mn_rc rc = mn_fs_read(path, TABLE_MAX, &csv, e);
    if (rc == MN_OK)
        rc = mn_moving_csv_bring(&p, k->t->account_id, kind, mn_buf_str(&csv), on_progress,
                                 k->t, &r, e);
    mn_buf_release(&csv);
    if (rc != MN_OK && !r.rows) return rc;
    mn_buf_addf(&k->report, "%llu rows: %llu new, %llu were so already", ull(r.rows),
                ull(r.created), ull(r.already));
    if (r.asked) mn_buf_addf(&k->report, ", %llu have to be granted", ull(r.asked));
    if (r.waiting)
        mn_buf_addf(&k->report, ", %llu wait for their account or post", ull(r.waiting));
    if (r.unknown) mn_buf_addf(&k->report, ", %llu are unknown", ull(r.unknown));
    if (r.refused) mn_buf_addf(&k->report, ", %llu were not possible", ull(r.refused));
    return rc;
}

static mn_rc do_work(work *k, mn_err *e)
{
    mn_moved kind;
    if (mn_str_eqz(k->t->kind, "export")) return make_archive(k, e);
    const char *path = mn_api__transfer_path(k->a, k->t->file, k->ar);
    if (!path) return mn_fail(e, MN_E_IO, "the folder for transfers cannot be made");
    if (mn_moved_parse(k->t->kind, &kind)) return bring_table(k, kind, path, e);
    return bring_archive(k, path, e);
}

/* ---- the job ---------------------------------------------------------------------------------------------------------- */

static mn_rc update(mn_store *s, const mn_transfer *t, mn_err *e)
{
    mn_tx *tx;
    MN_TRY(mn_store_begin(s, &tx, e));
    mn_rc rc = mn_store_transfer_update(tx, t, e);
    if (rc == MN_OK) return mn_store_commit(tx, e);
    mn_store_rollback(tx);
    return rc == MN_E_NOT_FOUND ? MN_OK : rc;
}

/* What was sent is not needed any more. */
static void drop_upload(work *k)
{
    if (!mn_str_ends(k->t->file, ".in")) return;
    const char *path = mn_api__transfer_path(k->a, k->t->file, k->ar);
    if (path) unlink(path);
    k->t->file = MN_STR("");
}

/* Where the path of a file of ours stands in a message, people read "your file". */
static void add_reason(work *k, mn_str why)
{
    mn_str path =
        mn_str_fmt(k->ar, "'%s/transfers/%.*s'", k->a->home->dir, MN_STR_FMT(k->t->file));
    while (path.ptr && why.len) {
        size_t at = mn_str_find(why, path, 0);
        mn_buf_adds(&k->report, mn_str_sub(why, 0, at));
        if (at == SIZE_MAX) return;
        mn_buf_addz(&k->report, "your file");
        why = mn_str_sub(why, at + path.len, SIZE_MAX);
    }
}

static mn_rc finish(work *k, mn_rc rc, const mn_err *why, mn_err *e)
{
    k->t->state = rc == MN_OK ? MN_TRANSFER_DONE : MN_TRANSFER_FAILED;
    k->t->ended_ms = mn_now_ms();
    if (rc != MN_OK) {
        if (k->report.len) mn_buf_addz(&k->report, "; then ");
        add_reason(k, mn_str_from(why->msg));
        mn_info("transfers", "%llu (%.*s): %s", ull(k->t->id), MN_STR_FMT(k->t->kind),
                why->msg);
    }
    k->t->report = mn_utf8_cut(mn_buf_str(&k->report), 1000);
    if (rc == MN_OK) k->t->done = k->t->total;
    drop_upload(k);
    return update(k->a->home->store, k->t, e);
}

mn_rc mn_api__transfer_run(mn_api *a, const mn_json *payload, mn_arena *ar, mn_err *e)
{
    mn_transfer t;
    mn_err why = {0};
    uint64_t id = mn_json_u64(mn_json_get(payload, "id"), 0);
    mn_rc rc = mn_store_transfer(a->home->store, id, ar, &t, e);
    if (rc == MN_E_NOT_FOUND) return MN_OK; /* its account has gone */
    if (rc != MN_OK || t.state >= MN_TRANSFER_DONE) return rc;
    work k = {.a = a, .t = &t, .ar = ar};
    mn_buf_init(&k.report, 8192);
    t.state = MN_TRANSFER_RUNNING;
    rc = update(a->home->store, &t, e);
    if (rc == MN_OK) {
        note(0, t.id, 0, t.total);
        rc = do_work(&k, &why);
        mn_api__transfer_progress(t.id, &t.done, &t.total);
        note(t.id, 0, 0, 0);
        bool later = rc == MN_E_CANCELLED || rc == MN_E_BUSY;
        rc = later ? mn_fail(e, MN_E_BUSY, "%s", why.msg) : finish(&k, rc, &why, e);
    }
    mn_buf_release(&k.report);
    return rc;
}

/* ---- the timer -------------------------------------------------------------------------------------------------------- */

static mn_rc sweep_rows(mn_store *s, mn_err *e)
{
    mn_tx *tx;
    MN_TRY(mn_store_begin(s, &tx, e));
    mn_rc rc =
        mn_store_transfers_sweep(tx, mn_now_ms() - MN_TRANSFER_KEPT_MS, SWEEP_AT_ONCE, e);
    if (rc == MN_OK) return mn_store_commit(tx, e);
    mn_store_rollback(tx);
    return rc;
}

/* A file that no row names: its row is gone, or a crash came between the two. Young ones may get their row yet. */
static mn_rc sweep_file(mn_api *a, const char *name, mn_arena *ar, mn_err *e)
{
    bool used = false;
    struct stat st;
    const char *path = mn_api__transfer_path(a, mn_str_from(name), ar);
    MN_TRY(mn_store_transfer_file_used(a->home->store, mn_str_from(name), &used, e));
    if (used || !path || lstat(path, &st) != 0 || !S_ISREG(st.st_mode)) return MN_OK;
    if (st.st_mtime * INT64_C(1000) < mn_now_ms() - ORPHAN_S * INT64_C(1000)) unlink(path);
    return MN_OK;
}

mn_rc mn_api__transfers_sweep(mn_api *a, mn_arena *ar, mn_err *e)
{
    char **names = NULL;
    size_t n = 0;
    MN_TRY(sweep_rows(a->home->store, e));
    const char *folder = mn_fs_join(ar, a->home->dir, "transfers");
    if (!folder) return mn_fail(e, MN_E_NOMEM, "no memory to sweep transfers");
    if (!mn_fs_is_dir(folder)) return MN_OK;
    MN_TRY(mn_fs_list(folder, ar, &names, &n, e));
    for (size_t i = 0; i < n; i++) MN_TRY(sweep_file(a, names[i], ar, e));
    return MN_OK;
}
