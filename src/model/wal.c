/* See wal.h. Records have one size, so a place in the file is a step; every u64 is put and taken by the same pair of functions. */
#include "model/wal.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"

static const char magic[8] = "MNSTEPS1";

#define HASHED (MN_WAL_RECORD - 32) /* of a record: all but its chain */

static uint8_t *put_u64(uint8_t *at, uint64_t v)
{
    for (int i = 0; i < 8; i++) at[i] = (uint8_t)(v >> 8 * i);
    return at + 8;
}

static const uint8_t *take_u64(const uint8_t *at, uint64_t *ret)
{
    uint64_t v = 0;
    for (int i = 0; i < 8; i++) v |= (uint64_t)at[i] << 8 * i;
    *ret = v;
    return at + 8;
}

static void put_head(const mn_wal_run *r, uint8_t ret[MN_WAL_HEAD])
{
    memset(ret, 0, MN_WAL_HEAD);
    memcpy(ret, magic, sizeof magic);
    uint8_t *at = ret + sizeof magic;
    at = put_u64(at, r->seed);
    at = put_u64(at, r->batch_rows);
    at = put_u64(at, r->row_tokens);
    memcpy(at, r->corpus, 32);
    memcpy(at + 32, r->tokenizer, 32);
}

static void take_head(const uint8_t *p, mn_wal_run *ret)
{
    p = take_u64(p + sizeof magic, &ret->seed);
    p = take_u64(p, &ret->batch_rows);
    p = take_u64(p, &ret->row_tokens);
    memcpy(ret->corpus, p, 32);
    memcpy(ret->tokenizer, p + 32, 32);
}

static void put_record(const mn_wal_record *r, uint8_t ret[HASHED])
{
    uint64_t rate;
    memcpy(&rate, &r->rate, sizeof rate);
    const uint64_t fields[] = {r->step, r->epoch, r->row, r->rows, rate, r->scored};
    uint8_t *at = ret;
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) at = put_u64(at, fields[i]);
    memcpy(at, r->docs, 32);
}

static void take_record(const uint8_t *p, mn_wal_record *ret)
{
    uint64_t rate;
    p = take_u64(p, &ret->step);
    p = take_u64(p, &ret->epoch);
    p = take_u64(p, &ret->row);
    p = take_u64(p, &ret->rows);
    p = take_u64(p, &rate);
    p = take_u64(p, &ret->scored);
    memcpy(&ret->rate, &rate, sizeof rate);
    memcpy(ret->docs, p, 32);
    memcpy(ret->chain, p + 32, 32);
}

/* The link after `chain` for a record's hashed bytes; ret may be chain. */
static void link_on(const uint8_t chain[32], const uint8_t *record, uint8_t ret[32])
{
    uint8_t both[32 + HASHED];
    memcpy(both, chain, 32);
    memcpy(both + 32, record, HASHED);
    mn_sha256_of(both, sizeof both, ret);
}

bool mn_wal_run_same(const mn_wal_run *a, const mn_wal_run *b)
{
    return a->seed == b->seed && a->batch_rows == b->batch_rows &&
           a->row_tokens == b->row_tokens && memcmp(a->corpus, b->corpus, 32) == 0 &&
           memcmp(a->tokenizer, b->tokenizer, 32) == 0;
}

/* ---- reading ------------------------------------------------------------------------------------------------------ */

mn_rc mn_wal_parse(const uint8_t *p, size_t len, uint64_t steps, mn_wal_log *ret, mn_err *e)
{
    if (len < MN_WAL_HEAD || memcmp(p, magic, sizeof magic) != 0)
        return mn_fail(e, MN_E_CORRUPT, "it is not a log of steps");
    if (steps > (len - MN_WAL_HEAD) / MN_WAL_RECORD)
        return mn_fail(e, MN_E_CORRUPT, "it is cut short: %llu steps, expected %llu",
                       (unsigned long long)((len - MN_WAL_HEAD) / MN_WAL_RECORD),
                       (unsigned long long)steps);
    mn_wal_log l = {.n = steps, .map = {p, len}};
    take_head(p, &l.run);
    mn_sha256_of(p, MN_WAL_HEAD, l.chain);
    for (uint64_t i = 0; i < steps; i++) {
        mn_wal_record r;
        const uint8_t *at = p + MN_WAL_HEAD + i * MN_WAL_RECORD;
        take_record(at, &r);
        link_on(l.chain, at, l.chain);
        if (r.step != i + 1 || memcmp(l.chain, r.chain, 32) != 0)
            return mn_fail(e, MN_E_CORRUPT,
                           "it was changed: the hash of step %llu does not fit",
                           (unsigned long long)i + 1);
    }
    *ret = l;
    return MN_OK;
}

mn_rc mn_wal_log_open(const char *path, uint64_t steps, mn_wal_log *ret, mn_err *e)
{
    mn_fs_map map;
    MN_TRY(mn_fs_map_open(path, &map, e));
    mn_rc rc = mn_wal_parse(map.ptr, map.len, steps, ret, e);
    if (rc == MN_OK) return MN_OK;
    mn_err_wrap(e, "the log '%s' cannot be trusted", path);
    mn_fs_map_close(&map);
    return rc;
}

void mn_wal_log_close(mn_wal_log *l)
{
    if (l->map.ptr) mn_fs_map_close(&l->map);
    *l = (mn_wal_log){0};
}

void mn_wal_log_at(const mn_wal_log *l, uint64_t i, mn_wal_record *ret)
{
    MN_ASSERT(i < l->n);
    take_record(l->map.ptr + MN_WAL_HEAD + i * MN_WAL_RECORD, ret);
}

/* ---- writing ------------------------------------------------------------------------------------------------------ */

static mn_rc begin(mn_wal *w, const mn_wal_run *run, mn_err *e)
{
    uint8_t head[MN_WAL_HEAD];
    put_head(run, head);
    mn_sha256_of(head, sizeof head, w->chain);
    w->fd = open(w->path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (w->fd < 0) return mn_fail_errno(e, MN_E_IO, "cannot make '%s'", w->path);
    if (!mn_fs_write_all(w->fd, head, sizeof head))
        return mn_fail_errno(e, MN_E_IO, "cannot write '%s'", w->path);
    return MN_OK;
}

static mn_rc go_on(mn_wal *w, const mn_wal_run *run, uint64_t steps, mn_err *e)
{
    mn_wal_log l;
    MN_TRY(mn_wal_log_open(w->path, steps, &l, e));
    bool same = mn_wal_run_same(&l.run, run);
    memcpy(w->chain, l.chain, 32);
    mn_wal_log_close(&l);
    if (!same)
        return mn_fail(e, MN_E_CORRUPT, "the log '%s' is that of another training", w->path);
    const off_t end = (off_t)(MN_WAL_HEAD + steps * MN_WAL_RECORD);
    w->n = steps;
    w->fd = open(w->path, O_WRONLY | O_CLOEXEC);
    if (w->fd < 0 || ftruncate(w->fd, end) != 0 || lseek(w->fd, end, SEEK_SET) != end)
        return mn_fail_errno(e, MN_E_IO, "cannot go on with '%s'", w->path);
    return MN_OK;
}

mn_rc mn_wal_open(const char *path, const mn_wal_run *run, uint64_t steps, mn_wal *ret,
                  mn_err *e)
{
    mn_wal w = {.fd = -1, .path = mn_strdup(path)};
    mn_buf_init(&w.pending, 0);
    if (!w.path) return mn_fail(e, MN_E_NOMEM, "no memory for the log of steps");
    mn_rc rc = steps ? go_on(&w, run, steps, e) : begin(&w, run, e);
    if (rc == MN_OK) *ret = w;
    else mn_wal_close(&w);
    return rc;
}

mn_rc mn_wal_add(mn_wal *w, const mn_wal_record *r, mn_err *e)
{
    uint8_t bytes[MN_WAL_RECORD];
    MN_ASSERT(r->step == w->n + 1);
    put_record(r, bytes);
    link_on(w->chain, bytes, bytes + HASHED);
    if (mn_buf_add(&w->pending, bytes, sizeof bytes) != MN_OK)
        return mn_fail(e, MN_E_NOMEM, "no memory for the log of steps");
    memcpy(w->chain, bytes + HASHED, 32);
    w->n++;
    return MN_OK;
}

mn_rc mn_wal_flush(mn_wal *w, mn_err *e)
{
    if (!mn_fs_write_all(w->fd, w->pending.ptr, w->pending.len) || fdatasync(w->fd) != 0)
        return mn_fail_errno(e, MN_E_IO, "cannot write '%s'", w->path);
    mn_buf_clear(&w->pending);
    return MN_OK;
}

void mn_wal_close(mn_wal *w)
{
    if (w->path && w->fd >= 0) close(w->fd);
    mn_buf_release(&w->pending);
    mn_free(w->path);
    *w = (mn_wal){.fd = -1};
}
