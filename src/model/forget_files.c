/* The folder in which forgetting is done, and how it takes the model's place.
 *
 * Three states, told by two files: without "begun" the folder is rubble; with it, a training to go on with; with "whole", a model that is
 * only to be moved. Moving is renames, each of which may have happened already, and at the end the folder is renamed
 * before it is removed, so that no half of it is ever taken for one of these states. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/json.h"
#include "model/forget_int.h"

#define LOG_MAX (64u << 20)

char *mn_forget__path(mn_forget__plan *p, const char *name, mn_err *e)
{
    char *path = mn_fs_join(&p->a, p->o->model_dir, name);
    if (!path) mn_fail(e, MN_E_NOMEM, "no memory to forget");
    return path;
}

bool mn_forget_pending(const char *model_dir)
{
    mn_arena a;
    mn_arena_init(&a, 0);
    char *path = mn_fs_join(&a, model_dir, "forgetting/begun");
    bool there = path && mn_fs_exists(path);
    mn_arena_release(&a);
    return there;
}

/* ---- beginning ---------------------------------------------------------------------------------------------------- */

/* The checkpoints up to p->from under a second name: no copy, and none that is removed on one side is lost on the other. */
static mn_rc link_checkpoints(mn_forget__plan *p, const char *to, mn_err *e)
{
    uint64_t *step;
    size_t n;
    MN_TRY(mn_fs_mkdirs(to, e));
    MN_TRY(mn_checkpoint_steps(p->checkpoints, &p->a, &step, &n, e));
    for (size_t i = 0; i < n && step[i] <= p->from.step; i++) {
        char *old = mn_checkpoint_path(&p->a, p->checkpoints, step[i]);
        char *new = mn_checkpoint_path(&p->a, to, step[i]);
        if (!old || !new) return mn_fail(e, MN_E_NOMEM, "no memory to forget");
        if (link(old, new) != 0) return mn_fail_errno(e, MN_E_IO, "cannot link '%s'", old);
    }
    return mn_fs_sync_dir(to, e);
}

static mn_rc copy_curve(mn_forget__plan *p, mn_err *e)
{
    mn_buf b;
    char *from = mn_forget__path(p, "training.json", e);
    char *to = mn_forget__path(p, "forgetting/training.json", e);
    if (!from || !to) return MN_E_NOMEM;
    if (!mn_fs_exists(from)) return MN_OK;
    mn_buf_init(&b, LOG_MAX);
    mn_rc rc = mn_fs_read(from, LOG_MAX, &b, e);
    if (rc == MN_OK) rc = mn_fs_write_atomic(to, b.ptr, b.len, e);
    mn_buf_release(&b);
    return rc;
}

/* What "begun" says: which checkpoint it is to end at, and when it began. */
static int begun_text(const mn_forget__plan *p, char ret[160])
{
    char hex[MN_HEX256];
    return snprintf(ret, 160, "{\"to\":\"%s\",\"started\":\"%s\"}\n",
                    mn_hex(p->to.self, 32, hex), p->started);
}

mn_rc mn_forget__begin(mn_forget__plan *p, mn_err *e)
{
    char text[160], *masked = mn_forget__path(p, "forgetting/masked", e);
    char *wal = mn_forget__path(p, "forgetting/steps.wal", e);
    char *begun = mn_forget__path(p, "forgetting/begun", e);
    char *checkpoints = mn_forget__path(p, "forgetting/checkpoints", e);
    if (!masked || !wal || !begun || !checkpoints) return MN_E_NOMEM;
    if (mn_fs_exists(begun) && unlink(begun) != 0)
        return mn_fail_errno(e, MN_E_IO, "cannot remove '%s'", begun);
    MN_TRY(mn_fs_remove_tree(p->work, e));
    MN_TRY(link_checkpoints(p, checkpoints, e));
    MN_TRY(mn_fs_write_atomic(wal, p->log.map.ptr,
                              MN_WAL_HEAD + (size_t)p->from.step * MN_WAL_RECORD, e));
    MN_TRY(mn_mask_write(&p->all, masked, e));
    MN_TRY(copy_curve(p, e));
    mn_time_format(mn_now_ms(), p->started);
    int n = begun_text(p, text);
    return mn_fs_write_atomic(begun, text, (size_t)n, e);
}

bool mn_forget__under_way(mn_forget__plan *p)
{
    uint8_t to[32];
    mn_json *tree = NULL;
    mn_mask m;
    mn_buf b;
    mn_buf_init(&b, 4096);
    char *begun = mn_forget__path(p, "forgetting/begun", NULL);
    bool is = begun && mn_fs_read(begun, 4096, &b, NULL) == MN_OK &&
              mn_json_parse(mn_buf_str(&b), &p->a, &tree, NULL) == MN_OK;
    mn_str started = mn_json_str(mn_json_get(tree, "started"));
    is = is && mn_unhex(mn_json_str(mn_json_get(tree, "to")), to, 32) == MN_OK &&
         memcmp(to, p->to.self, 32) == 0 && started.len < sizeof p->started;
    if (is) snprintf(p->started, sizeof p->started, "%.*s", MN_STR_FMT(started));
    mn_buf_release(&b);
    if (!is || mn_forget__pending(p, &m, NULL) != MN_OK) return false;
    is = m.n == p->all.n && mn_mask_within(&m, &p->all);
    mn_mask_release(&m);
    return is;
}

mn_rc mn_forget__pending(mn_forget__plan *p, mn_mask *ret, mn_err *e)
{
    char *path = mn_forget__path(p, "forgetting/masked", e);
    if (!path) return MN_E_NOMEM;
    if (!mn_forget_pending(p->o->model_dir)) return mn_mask_from(NULL, 0, ret, e);
    return mn_mask_read(path, ret, e);
}

/* ---- what was done ------------------------------------------------------------------------------------------------- */

static void put_hash(mn_json_writer *w, const char *key, const uint8_t hash[32])
{
    char hex[MN_HEX256];
    mn_jw_kstrz(w, key, mn_hex(hash, 32, hex));
}

static mn_rc put_file_hash(mn_json_writer *w, const char *key, const char *path,
                           char ret_hex[65], mn_err *e)
{
    uint8_t sha[32];
    ret_hex[0] = 0;
    if (!mn_fs_exists(path)) return MN_OK;
    MN_TRY(mn_sha256_file(path, sha, e));
    mn_jw_kstrz(w, key, mn_hex(sha, 32, ret_hex));
    return MN_OK;
}

static void put_what(mn_json_writer *w, const mn_forget__plan *p, const mn_checkpoint *now)
{
    uint8_t sha[32];
    mn_jw_kstrz(w, "format", "mynah-forgetting");
    mn_jw_ku64(w, "version", 1);
    mn_jw_kstrz(w, "model", mn_fs_base(p->o->model_dir));
    mn_jw_kstrz(w, "corpus", p->corpus);
    mn_jw_kstrz(w, "corpus_sha256", p->corpus_sha256);
    mn_jw_ku64(w, "documents", p->add.n);
    mn_mask_hash(&p->add, sha);
    put_hash(w, "documents_sha256", sha);
    mn_jw_ku64(w, "masked", p->all.n);
    put_hash(w, "masked_sha256", now->masked);
    mn_jw_ku64(w, "first_step", p->first);
    mn_jw_ku64(w, "from_step", p->from.step);
    mn_jw_ku64(w, "step", p->to.step);
    mn_jw_ku64(w, "steps_repeated", p->to.step - p->from.step);
    put_hash(w, "from_checkpoint_sha256", p->from.self);
    put_hash(w, "old_checkpoint_sha256", p->to.self);
    put_hash(w, "checkpoint_sha256", now->self);
    put_hash(w, "log_sha256", now->log);
}

mn_rc mn_forget__seal(mn_forget__plan *p, mn_forget_result *ret, mn_err *e)
{
    char finished[MN_TIME_MAX], old_hex[65];
    mn_checkpoint now;
    mn_buf b;
    mn_json_writer w;
    char *checkpoints = mn_forget__path(p, "forgetting/checkpoints", e);
    char *old = mn_forget__path(p, "model.safetensors", e);
    char *new = mn_forget__path(p, "forgetting/model.safetensors", e);
    char *manifest = mn_forget__path(p, "forgetting/forgotten.json", e);
    char *whole = mn_forget__path(p, "forgetting/whole", e);
    if (!checkpoints || !old || !new || !manifest || !whole) return MN_E_NOMEM;
    MN_TRY(mn_checkpoint_peek(checkpoints, &now, e));
    mn_buf_init(&b, 0);
    mn_json_writer_init(&w, &b, 2);
    mn_jw_object(&w);
    put_what(&w, p, &now);
    mn_rc rc = put_file_hash(&w, "old_weights_sha256", old, old_hex, e);
    if (rc == MN_OK) rc = put_file_hash(&w, "weights_sha256", new, ret->weights_sha256, e);
    mn_jw_kstrz(&w, "started", p->started);
    mn_jw_kstrz(&w, "finished", mn_time_format(mn_now_ms(), finished));
    mn_jw_object_end(&w);
    mn_buf_addc(&b, '\n');
    if (rc == MN_OK && b.failed) rc = mn_fail(e, b.failed, "no memory to say what was done");
    if (rc == MN_OK) rc = mn_fs_write_atomic(manifest, b.ptr, b.len, e);
    if (rc == MN_OK) rc = mn_fs_write_atomic(whole, "", 0, e);
    mn_buf_release(&b);
    return rc;
}

/* ---- taking the model's place ------------------------------------------------------------------------------------- */

static mn_rc move(const char *from, const char *to, mn_err *e)
{
    if (!mn_fs_exists(from) || rename(from, to) == 0) return MN_OK;
    return mn_fail_errno(e, MN_E_IO, "cannot move '%s' to '%s'", from, to);
}

static mn_rc move_files(mn_forget__plan *p, mn_err *e)
{
    static const char *const names[] = {
        "model.safetensors", "config.json", "tokenizer.json", "tokenizer_config.json",
        "steps.wal",         "masked",      "training.json"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char *from = mn_fs_join(&p->a, p->work, names[i]);
        char *to = mn_forget__path(p, names[i], e);
        if (!from || !to) return mn_fail(e, MN_E_NOMEM, "no memory to forget");
        MN_TRY(move(from, to, e));
    }
    return MN_OK;
}

/* The old folder steps aside, into the one that will be removed, and the new one takes its place. */
static mn_rc move_checkpoints(mn_forget__plan *p, mn_err *e)
{
    char *new = mn_forget__path(p, "forgetting/checkpoints", e);
    char *old = mn_forget__path(p, "forgetting/old", e);
    if (!new || !old) return MN_E_NOMEM;
    if (!mn_fs_exists(new)) return MN_OK;
    if (!mn_fs_exists(old)) MN_TRY(move(p->checkpoints, old, e));
    return move(new, p->checkpoints, e);
}

/* forgotten/0001.json, 0002.json … */
static mn_rc move_manifest(mn_forget__plan *p, mn_err *e)
{
    char *from = mn_forget__path(p, "forgetting/forgotten.json", e);
    char *dir = mn_forget__path(p, "forgotten", e);
    if (!from || !dir) return MN_E_NOMEM;
    MN_TRY(mn_fs_mkdirs(dir, e));
    for (unsigned i = 1;; i++) {
        mn_str to = mn_str_fmt(&p->a, "%s/%04u.json", dir, i);
        if (!to.ptr) return mn_fail(e, MN_E_NOMEM, "no memory to forget");
        if (mn_fs_exists(to.ptr)) continue;
        MN_TRY(move(from, to.ptr, e));
        return mn_fs_sync_dir(dir, e);
    }
}

mn_rc mn_forget__put(mn_forget__plan *p, mn_err *e)
{
    char *whole = mn_forget__path(p, "forgetting/whole", e);
    char *rubble = mn_forget__path(p, "forgetting.old", e);
    if (!whole || !rubble) return MN_E_NOMEM;
    MN_TRY(mn_fs_remove_tree(rubble, e));
    if (!mn_fs_exists(whole)) return MN_OK;
    MN_TRY(move_files(p, e));
    MN_TRY(move_checkpoints(p, e));
    MN_TRY(move_manifest(p, e));
    MN_TRY(mn_fs_sync_dir(p->o->model_dir, e));
    MN_TRY(move(p->work, rubble, e));
    MN_TRY(mn_fs_sync_dir(p->o->model_dir, e));
    return mn_fs_remove_tree(rubble, e);
}

/* ---- samples ------------------------------------------------------------------------------------------------------ */

static mn_rc without_samples(const char *path, mn_arena *a, mn_err *e)
{
    mn_buf in, out;
    mn_json_writer w;
    mn_json *t = NULL;
    mn_buf_init(&in, LOG_MAX);
    mn_buf_init(&out, LOG_MAX);
    mn_json_writer_init(&w, &out, 0);
    mn_rc rc = mn_fs_read(path, LOG_MAX, &in, e);
    if (rc == MN_OK && mn_json_parse(mn_buf_str(&in), a, &t, NULL) != MN_OK)
        rc = mn_fail(e, MN_E_CORRUPT, "'%s' is damaged: remove it, it is only a picture", path);
    mn_jw_object(&w);
    for (size_t i = 0; rc == MN_OK && t->type == MN_JSON_OBJECT && i < t->n; i++) {
        if (mn_str_eqz(t->keys[i], "samples")) continue;
        mn_jw_key_str(&w, t->keys[i]);
        mn_jw_tree(&w, t->items[i]);
    }
    mn_jw_object_end(&w);
    mn_buf_addc(&out, '\n');
    if (rc == MN_OK && out.failed) rc = mn_fail(e, out.failed, "no memory for '%s'", path);
    if (rc == MN_OK) rc = mn_fs_write_atomic(path, out.ptr, out.len, e);
    mn_buf_release(&out);
    mn_buf_release(&in);
    return rc;
}

mn_rc mn_forget_samples(const char *model_dir, mn_err *e)
{
    mn_arena a;
    mn_fs_lock lock;
    mn_arena_init(&a, 0);
    char *path = mn_fs_join(&a, model_dir, "training.json");
    char *lock_path = mn_fs_join(&a, model_dir, "lock");
    mn_rc rc = path && lock_path ? MN_OK : mn_fail(e, MN_E_NOMEM, "no memory to forget");
    if (rc == MN_OK && mn_fs_exists(path)) {
        rc = mn_fs_lock_take(lock_path, &lock, e);
        if (rc == MN_OK) {
            rc = without_samples(path, &a, e);
            mn_fs_lock_release(&lock);
        }
    }
    mn_arena_release(&a);
    return rc;
}
