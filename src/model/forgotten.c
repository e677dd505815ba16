#include "model/forgotten.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/fs.h"
#include "base/hash.h"
#include "base/json.h"
#include "model/checkpoint.h"
#include "model/mask.h"
#include "model/wal.h"

/* ---- reading ------------------------------------------------------------------------------------------------------ */

typedef enum kind { CONSTANT, VERSION, TEXT, TIME, NUMBER, HASH } kind;

/* Members, and where they go. OPTIONAL: the bool at `there` says whether it came. */
typedef struct member {
    const char *name;
    kind kind;
    size_t at, there;
} member;
#define NO_PLACE SIZE_MAX
#define AT(x)    offsetof(mn_forgotten, x)

static const member members[] = {
    {"format", CONSTANT, 0, NO_PLACE},
    {"version", VERSION, 0, NO_PLACE},
    {"model", TEXT, AT(model), NO_PLACE},
    {"corpus", TEXT, AT(corpus), NO_PLACE},
    {"corpus_sha256", HASH, AT(corpus_sha256), NO_PLACE},
    {"documents", NUMBER, AT(documents), NO_PLACE},
    {"documents_sha256", HASH, AT(documents_sha256), NO_PLACE},
    {"masked", NUMBER, AT(masked), NO_PLACE},
    {"masked_sha256", HASH, AT(masked_sha256), NO_PLACE},
    {"first_step", NUMBER, AT(first_step), NO_PLACE},
    {"from_step", NUMBER, AT(from_step), NO_PLACE},
    {"step", NUMBER, AT(step), NO_PLACE},
    {"steps_repeated", NUMBER, AT(steps_repeated), NO_PLACE},
    {"from_checkpoint_sha256", HASH, AT(from_checkpoint_sha256), NO_PLACE},
    {"old_checkpoint_sha256", HASH, AT(old_checkpoint_sha256), NO_PLACE},
    {"checkpoint_sha256", HASH, AT(checkpoint_sha256), NO_PLACE},
    {"log_sha256", HASH, AT(log_sha256), NO_PLACE},
    {"old_weights_sha256", HASH, AT(old_weights_sha256), AT(has_old_weights)},
    {"weights_sha256", HASH, AT(weights_sha256), AT(has_weights)},
    {"started", TIME, 0, NO_PLACE},
    {"finished", TIME, 0, NO_PLACE},
};
#define MEMBERS (sizeof members / sizeof *members)

static const member *find(mn_str name)
{
    for (size_t i = 0; i < MEMBERS; i++)
        if (mn_str_eqz(name, members[i].name)) return &members[i];
    return NULL;
}

static bool read_text(mn_json_reader *r, const member *m, mn_forgotten *x)
{
    mn_str s;
    if (mn_json_read_string(r, &s) != MN_OK) return false;
    if (m->kind == CONSTANT) return mn_str_eqz(s, "mynah-forgetting");
    if (m->kind == TIME) return s.len > 0 && s.len <= 40;
    if (m->kind == HASH) return mn_unhex(s, (uint8_t *)x + m->at, 32) == MN_OK;
    if (s.len == 0 || s.len >= sizeof x->model || memchr(s.ptr, 0, s.len)) return false;
    memcpy((char *)x + m->at, s.ptr, s.len);
    return true;
}

static bool read_number(mn_json_reader *r, const member *m, mn_forgotten *x)
{
    int64_t n;
    if (mn_json_read_i64(r, &n) != MN_OK || n < 0) return false;
    if (m->kind == VERSION) return n == 1;
    uint64_t number = (uint64_t)n;
    memcpy((char *)x + m->at, &number, sizeof number);
    return true;
}

static mn_rc read_member(mn_json_reader *r, mn_str name, bool seen[MEMBERS], mn_forgotten *x,
                         mn_err *e)
{
    const member *m = find(name);
    if (!m || seen[m - members])
        return mn_fail(e, MN_E_CORRUPT, "it has a member '%.*s' %s",
                       MN_STR_FMT(mn_utf8_cut(name, 60)), m ? "twice" : "that is not known");
    bool number = m->kind == NUMBER || m->kind == VERSION;
    if (!(number ? read_number(r, m, x) : read_text(r, m, x)))
        return mn_fail(e, MN_E_CORRUPT, "its member '%s' is not what it should be", m->name);
    seen[m - members] = true;
    if (m->there != NO_PLACE) memcpy((char *)x + m->there, &(bool){true}, sizeof(bool));
    return MN_OK;
}

static mn_rc read_members(mn_json_reader *r, bool seen[MEMBERS], mn_forgotten *x, mn_err *e)
{
    mn_str name;
    bool more;
    MN_TRY(mn_json_object_enter(r));
    for (;;) {
        MN_TRY(mn_json_object_next(r, &name, &more));
        if (!more) return mn_json_end(r);
        MN_TRY(read_member(r, name, seen, x, e));
    }
}

static mn_rc check_numbers(const mn_forgotten *x, mn_err *e)
{
    if (x->documents == 0 || x->documents > x->masked || x->from_step > x->step ||
        x->steps_repeated != x->step - x->from_step || x->first_step > x->step ||
        (x->first_step && x->from_step >= x->first_step))
        return mn_fail(e, MN_E_CORRUPT, "its numbers do not fit each other");
    return MN_OK;
}

mn_rc mn_forgotten_parse(mn_str text, mn_forgotten *ret, mn_err *e)
{
    mn_arena a;
    mn_json_reader r;
    bool seen[MEMBERS] = {false};
    mn_forgotten x = {.documents = 0};
    mn_err why = {0};
    if (text.len > MN_FORGOTTEN_BYTES)
        return mn_fail(e, MN_E_LIMIT, "it is over %u bytes", MN_FORGOTTEN_BYTES);
    mn_arena_init(&a, 1u << 20);
    mn_json_reader_init(&r, text, &a, &why);
    mn_rc rc = read_members(&r, seen, &x, &why);
    mn_arena_release(&a);
    if (rc != MN_OK) return mn_fail(e, MN_E_CORRUPT, "%s", why.msg);
    for (size_t i = 0; i < MEMBERS; i++)
        if (!seen[i] && members[i].there == NO_PLACE)
            return mn_fail(e, MN_E_CORRUPT, "its member '%s' is missing", members[i].name);
    MN_TRY(check_numbers(&x, e));
    *ret = x;
    return MN_OK;
}

/* ---- one after the other ------------------------------------------------------------------------------------------ */

mn_rc mn_forgotten_follows(const mn_forgotten *before, const mn_forgotten *x, mn_err *e)
{
    if (!before) return MN_OK; /* a corpus may have lost documents before the training began */
    if (strcmp(before->model, x->model) != 0 ||
        memcmp(before->corpus_sha256, x->corpus_sha256, 32) != 0)
        return mn_fail(e, MN_E_CORRUPT, "it is of another model than the one before it");
    if (x->masked != before->masked + x->documents || x->step < before->step)
        return mn_fail(e, MN_E_CORRUPT, "it does not go on where the one before it ended");
    bool went_on = x->step > before->step; /* it was trained on in between */
    bool fits = memcmp(x->old_checkpoint_sha256, before->checkpoint_sha256, 32) == 0 &&
                (!x->has_old_weights || !before->has_weights ||
                 memcmp(x->old_weights_sha256, before->weights_sha256, 32) == 0);
    if (went_on || fits) return MN_OK;
    return mn_fail(e, MN_E_CORRUPT, "it began with other weights than the one before it left");
}

/* ---- against the model -------------------------------------------------------------------------------------------- */

static mn_rc check_mask(const char *path, const mn_forgotten *x, mn_err *e)
{
    mn_mask m;
    uint8_t hash[32];
    MN_TRY(mn_mask_read(path, &m, e));
    mn_mask_hash(&m, hash);
    bool same = m.n == x->masked && memcmp(hash, x->masked_sha256, 32) == 0;
    mn_mask_release(&m);
    return same ? MN_OK : mn_fail(e, MN_E_CORRUPT, "'masked' lists other documents");
}

/* The first x->step records: what was trained since comes after them. */
static mn_rc check_log(const char *path, const mn_forgotten *x, mn_err *e)
{
    mn_wal_log log;
    MN_TRY(mn_wal_log_open(path, x->step, &log, e));
    bool same = memcmp(log.chain, x->log_sha256, 32) == 0;
    mn_wal_log_close(&log);
    return same ? MN_OK : mn_fail(e, MN_E_CORRUPT, "'steps.wal' is another log");
}

static mn_rc check_checkpoint(const char *dir, const mn_forgotten *x, bool *ret_since,
                              mn_err *e)
{
    mn_checkpoint c, then;
    MN_TRY(mn_checkpoint_peek(dir, &c, e));
    if (c.step < x->step)
        return mn_fail(e, MN_E_CORRUPT, "the newest checkpoint is of step %llu, not %llu",
                       (unsigned long long)c.step, (unsigned long long)x->step);
    *ret_since = c.step > x->step;
    mn_rc rc = mn_checkpoint_peek_at(dir, x->step, &then, e);
    if (rc == MN_E_NOT_FOUND && *ret_since) return MN_OK; /* it was not kept */
    if (rc == MN_OK) rc = mn_checkpoint_check(dir, x->step, e);
    if (rc != MN_OK) return rc;
    if (memcmp(then.self, x->checkpoint_sha256, 32) == 0) return MN_OK;
    return mn_fail(e, MN_E_CORRUPT, "the checkpoint of step %llu is another one",
                   (unsigned long long)x->step);
}

static mn_rc check_weights(const char *path, const mn_forgotten *x, mn_err *e)
{
    uint8_t sha[32];
    if (!x->has_weights) return MN_OK;
    MN_TRY(mn_sha256_file(path, sha, e));
    if (memcmp(sha, x->weights_sha256, 32) == 0) return MN_OK;
    return mn_fail(e, MN_E_CORRUPT, "'model.safetensors' holds other weights");
}

mn_rc mn_forgotten_check(const char *model_dir, const mn_forgotten *x, bool *ret_trained_since,
                         mn_err *e)
{
    mn_arena a;
    bool since = false;
    mn_arena_init(&a, 0);
    char *mask = mn_fs_join(&a, model_dir, "masked"),
         *log = mn_fs_join(&a, model_dir, "steps.wal"),
         *checkpoints = mn_fs_join(&a, model_dir, "checkpoints"),
         *weights = mn_fs_join(&a, model_dir, "model.safetensors");
    mn_rc rc =
        mask && log && checkpoints && weights ? MN_OK : mn_fail(e, MN_E_NOMEM, "out of memory");
    if (rc == MN_OK) rc = check_mask(mask, x, e);
    if (rc == MN_OK) rc = check_log(log, x, e);
    if (rc == MN_OK) rc = check_checkpoint(checkpoints, x, &since, e);
    if (rc == MN_OK && !since) rc = check_weights(weights, x, e);
    mn_arena_release(&a);
    if (rc == MN_OK) *ret_trained_since = since;
    return rc;
}
