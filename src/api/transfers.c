/* Moving in and out, as the settings page and scripts ask for it.
 *
 *   GET  /api/mynah/transfers               [{"id","kind","state","done","total","file","report","created_at"}], newest first
 *   POST /api/mynah/transfers/export        begins an archive of everything: one at a time, one a day, kept for a week
 *   POST /api/mynah/transfers/import        multipart: kind (archive, follows, blocks …) and file
 *   GET  /api/mynah/transfers/:id/file      the archive, for its owner
 *   GET  /api/mynah/export/:table           follows.csv, blocks.csv … as Mastodon writes them
 *
 * An upload is held in memory while it arrives (counted with all others, net/http.h), then lies on the disk until it was
 * read. */
#include "api/transfers.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/jobs.h"
#include "base/clock.h"
#include "base/conf.h"
#include "base/fs.h"
#include "base/snowflake.h"

#define UPLOAD_MAX  ((size_t)400 << 20)
#define TABLE_MAX   ((size_t)8 << 20)
#define SHOWN_MAX   50
#define WAITING_MAX 3

/* ---- what there is ---------------------------------------------------------------------------------------------------- */

static const char *state_name(mn_transfer_state s)
{
    static const char *const names[] = {"waiting", "running", "done", "failed"};
    return names[(unsigned)s <= MN_TRANSFER_FAILED ? s : MN_TRANSFER_FAILED];
}

static bool has_archive(const mn_transfer *t)
{
    return mn_str_eqz(t->kind, "export") && t->state == MN_TRANSFER_DONE && t->file.len;
}

static void put_transfer(mn_req *r, mn_json_writer *j, const mn_transfer *t)
{
    uint64_t done = t->done, total = t->total;
    if (t->state == MN_TRANSFER_RUNNING) mn_api__transfer_progress(t->id, &done, &total);
    mn_jw_object(j);
    mn_jw_kid(j, "id", t->id);
    mn_jw_kstr(j, "kind", t->kind);
    mn_jw_kstrz(j, "state", state_name(t->state));
    mn_jw_ku64(j, "done", done);
    mn_jw_ku64(j, "total", total);
    mn_jw_kstr(j, "file",
               has_archive(t) ? mn_str_fmt(r->arena, "/api/mynah/transfers/%llu/file",
                                           (unsigned long long)t->id)
                              : MN_STR_NONE);
    mn_jw_kstr(j, "report", t->report);
    mn_jw_key(j, "created_at");
    mn_jw_time(j, t->created_ms);
    mn_jw_object_end(j);
}

static mn_store *store_of(const mn_req *r)
{
    return ((mn_api *)r->app)->home->store;
}

static bool own_transfers(mn_req *r, mn_resp *w, mn_transfer **ret, size_t *ret_n)
{
    mn_err e = {0};
    mn_rc rc =
        mn_store_transfers(store_of(r), mn_masto_me(r), SHOWN_MAX, r->arena, ret, ret_n, &e);
    if (rc != MN_OK) mn_masto_fail(r, w, &e);
    return rc == MN_OK;
}

static void get_transfers(mn_req *r, mn_resp *w)
{
    mn_transfer *t = NULL;
    size_t n = 0;
    if (!own_transfers(r, w, &t, &n)) return;
    mn_json_writer j = mn_masto_json(w);
    mn_jw_array(&j);
    for (size_t i = 0; i < n; i++) put_transfer(r, &j, &t[i]);
    mn_jw_array_end(&j);
}

/* ---- begun ---------------------------------------------------------------------------------------------------------- */

static bool is_under_way(const mn_transfer *t)
{
    return t->state <= MN_TRANSFER_RUNNING && t->created_ms > mn_now_ms() - MN_TRANSFER_DAY_MS;
}

static mn_rc add(mn_store *s, const mn_transfer *t, mn_arena *ar, mn_err *e)
{
    mn_tx *tx;
    uint64_t job = 0;
    mn_str payload = mn_str_fmt(ar, "{\"id\":\"%llu\"}", (unsigned long long)t->id);
    if (!payload.ptr) return mn_fail(e, MN_E_NOMEM, "no memory for a transfer");
    MN_TRY(mn_store_begin(s, &tx, e));
    mn_rc rc = mn_store_transfer_add(tx, t, e);
    if (rc == MN_OK)
        rc = mn_store_job_add(tx, MN_STR(MN_TRANSFER_JOB), payload, mn_now_ms(), &job, e);
    if (rc == MN_OK) return mn_store_commit(tx, e);
    mn_store_rollback(tx);
    return rc;
}

static void begin(mn_req *r, mn_resp *w, const mn_transfer *t)
{
    mn_err e = {0};
    mn_rc rc = add(store_of(r), t, r->arena, &e);
    if (rc != MN_OK) {
        mn_masto_fail(r, w, &e);
        return;
    }
    mn_api_jobs_wake(r->app);
    mn_json_writer j = mn_masto_json(w);
    put_transfer(r, &j, t);
}

static mn_transfer fresh(const mn_req *r, mn_str kind)
{
    return (mn_transfer){.id = mn_snowflake_next(),
                         .account_id = mn_masto_me(r),
                         .kind = kind,
                         .file = MN_STR(""),
                         .report = MN_STR(""),
                         .created_ms = mn_now_ms()};
}

static void post_export(mn_req *r, mn_resp *w)
{
    mn_transfer *t = NULL;
    size_t n = 0;
    if (!own_transfers(r, w, &t, &n)) return;
    for (size_t i = 0; i < n; i++) {
        if (!mn_str_eqz(t[i].kind, "export")) continue;
        if (is_under_way(&t[i])) {
            mn_masto_error(r, w, 422, "An archive is being made already");
            return;
        }
        bool lately = t[i].created_ms > mn_now_ms() - MN_TRANSFER_DAY_MS;
        if (lately && t[i].state == MN_TRANSFER_DONE) {
            mn_masto_error(r, w, 422, "An archive can be made once a day");
            return;
        }
    }
    mn_transfer x = fresh(r, MN_STR("export"));
    begin(r, w, &x);
}

/* ---- brought in ------------------------------------------------------------------------------------------------------ */

/* False: refused. */
static bool may_bring(mn_req *r, mn_resp *w, mn_str kind, const mn_upload *up)
{
    mn_moved ignored;
    mn_err e = {0};
    mn_transfer *t = NULL;
    uint64_t most = 0;
    size_t n = 0, waiting = 0;
    const mn_api *a = r->app;
    bool archive = mn_str_eqz(kind, "archive");
    if (!archive && !mn_moved_parse(kind, &ignored)) {
        mn_masto_error(r, w, 422, "Validation failed: there is no such kind of import");
        return false;
    }
    if (mn_conf_u64(a->home->conf, "archive_max_bytes", 0, UPLOAD_MAX, &most, &e) != MN_OK) {
        mn_masto_fail(r, w, &e);
        return false;
    }
    if (!archive && most > TABLE_MAX) most = TABLE_MAX;
    if (!up->bytes.len || up->bytes.len > most) {
        mn_masto_error(r, w, 422,
                       up->bytes.len ? "Validation failed: The file is too large"
                                     : "Validation failed: The file is empty");
        return false;
    }
    if (!own_transfers(r, w, &t, &n)) return false;
    for (size_t i = 0; i < n; i++) waiting += is_under_way(&t[i]);
    if (waiting < WAITING_MAX) return true;
    mn_masto_error(r, w, 422, "Some are under way already; try again when they are done");
    return false;
}

static void post_import(mn_req *r, mn_resp *w)
{
    mn_err e = {0};
    mn_upload up = {0};
    mn_str kind = mn_param(r, "kind");
    if (!mn_param_file(r, "file", &up)) {
        mn_masto_error(r, w, 422, "Validation failed: There is no file");
        return;
    }
    if (!may_bring(r, w, kind, &up)) return;
    mn_transfer x = fresh(r, kind);
    x.file = mn_str_fmt(r->arena, "%llu.in", (unsigned long long)x.id);
    x.total = up.bytes.len;
    const char *path = mn_api__transfer_path(r->app, x.file, r->arena);
    mn_rc rc = path ? mn_fs_write_atomic(path, up.bytes.ptr, up.bytes.len, &e)
                    : mn_fail(&e, MN_E_IO, "the folder for transfers cannot be made");
    if (rc == MN_OK) begin(r, w, &x);
    else mn_masto_fail(r, w, &e);
}

/* ---- taken along ------------------------------------------------------------------------------------------------------ */

static mn_str name_of(mn_req *r)
{
    mn_err e = {0};
    mn_account x;
    mn_rc rc = mn_store_account_by_id(store_of(r), mn_masto_me(r), r->arena, &x, &e);
    return rc == MN_OK ? x.name : MN_STR("archive");
}

static void get_file(mn_req *r, mn_resp *w)
{
    mn_err e = {0};
    mn_transfer t;
    struct stat st;
    uint64_t id;
    if (!mn_masto_id(r, w, "id", &id)) return;
    mn_rc rc = mn_store_transfer(store_of(r), id, r->arena, &t, &e);
    bool theirs = rc == MN_OK && t.account_id == mn_masto_me(r) && has_archive(&t);
    const char *path = theirs ? mn_api__transfer_path(r->app, t.file, r->arena) : NULL;
    int fd = path ? open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW) : -1;
    if (fd < 0 || fstat(fd, &st) != 0) {
        if (fd >= 0) close(fd);
        mn_masto_error(r, w, 404, MN_MASTO_NOT_FOUND);
        return;
    }
    char day[MN_TIME_MAX];
    mn_time_format(t.created_ms, day);
    mn_str said = mn_str_fmt(r->arena, "attachment; filename=\"%.*s-%.10s.zip\"",
                             MN_STR_FMT(name_of(r)), day);
    mn_resp_type(w, "application/zip");
    mn_resp_header(w, "Content-Disposition", said.ptr ? said : MN_STR("attachment"));
    mn_resp_header(w, "Cache-Control", MN_STR("private, no-store"));
    mn_resp_file(w, fd, (uint64_t)st.st_size);
}

static void get_table(mn_req *r, mn_resp *w)
{
    mn_err e = {0};
    mn_moved kind;
    mn_str name = mn_req_param(r, "table");
    mn_place p = mn_api__place(r->app);
    if (!mn_str_ends(name, ".csv") ||
        !mn_moved_parse(mn_str_sub(name, 0, name.len - 4), &kind)) {
        mn_masto_error(r, w, 404, MN_MASTO_NOT_FOUND);
        return;
    }
    mn_rc rc = mn_moving_csv(&p, mn_masto_me(r), kind, mn_resp_body(w), &e);
    if (rc != MN_OK) {
        mn_buf_clear(mn_resp_body(w));
        mn_masto_fail(r, w, &e);
        return;
    }
    mn_str said = mn_str_fmt(r->arena, "attachment; filename=\"%s\"", mn_moved_files[kind]);
    mn_resp_type(w, "text/csv; charset=utf-8");
    mn_resp_header(w, "Content-Disposition", said.ptr ? said : MN_STR("attachment"));
    mn_resp_header(w, "Cache-Control", MN_STR("private, no-store"));
}

const mn_route mn_api__routes_transfers[] = {
    {MN_GET, "/api/mynah/transfers", get_transfers, 0, MN_RUN_HERE, "read:accounts"},
    {MN_POST, "/api/mynah/transfers/export", post_export, 1024, MN_RUN_WORKER,
     "write:accounts"},
    {MN_POST, "/api/mynah/transfers/import", post_import, UPLOAD_MAX, MN_RUN_MEDIA,
     "write:accounts"},
    {MN_GET, "/api/mynah/transfers/:id/file", get_file, 0, MN_RUN_WORKER, "read:accounts"},
    {MN_GET, "/api/mynah/export/:table", get_table, 0, MN_RUN_WORKER, "read:accounts"},
    {.path = NULL},
};
