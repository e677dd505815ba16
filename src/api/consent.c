/* Consent as a member sees and sets it: per purpose for everything one writes and for one post, what was done so far, and the
 * ledger's lines with their seals.
 *
 *   GET|PUT /api/mynah/consent              {"purposes":[{"name","server","account","now"}]}
 *   GET|PUT /api/mynah/consent/posts/:id    the same with "post" in each
 *   GET /api/mynah/consent/uses             {"models":[{"name","posts","at"}],"answers":{"posts","times","last_at"},"licensees":[…]}
 *   GET /api/mynah/consent/history          [{"seq","at","scope","scope_id","purpose","value","reason","hash"}], newest first
 */
#include "api/mastodon/mastodon.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "corpus/corpus.h"
#include "store/uses.h"
#include "text/shard.h"

#include <dirent.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/fs.h"

#define HISTORY_MAX  500
#define TRAINING_MAX (8u << 20)
#define MODELS_MAX   200

/* ---- settings ------------------------------------------------------------------------------------------------------ */

/* post NULL: what a public post of the account would be. */
static void purposes_json(mn_json_writer *j, mn_consents server, mn_consents account,
                          const mn_post *post)
{
    mn_post p = {.visibility = MN_VIS_PUBLIC, .account_consent = account};
    if (post) p = *post;
    mn_jw_object(j);
    mn_jw_key(j, "purposes");
    mn_jw_array(j);
    for (int i = 0; i < MN_PURPOSES; i++) {
        mn_purpose u = (mn_purpose)i;
        mn_jw_object(j);
        mn_jw_key(j, "name");
        mn_jw_strz(j, mn_purpose_names[i]);
        mn_jw_key(j, "server");
        mn_jw_strz(j, mn_social_consent_name(mn_consents_get(server, u)));
        mn_jw_key(j, "account");
        mn_jw_strz(j, mn_social_consent_name(mn_consents_get(account, u)));
        if (post) {
            mn_jw_key(j, "post");
            mn_jw_strz(j, mn_social_consent_name(mn_consents_get(post->consent, u)));
        }
        mn_jw_key(j, "now");
        mn_jw_bool(j, mn_social_allows(&p, server, u));
        mn_jw_object_end(j);
    }
    mn_jw_array_end(j);
    mn_jw_object_end(j);
}

/* One's own live post named in the address; false: answered. */
static bool own_post(mn_req *r, mn_resp *w, mn_post *ret)
{
    mn_err e = {0};
    uint64_t id;
    mn_api *a = r->app;
    if (!mn_masto_id(r, w, "id", &id)) return false;
    mn_rc rc = mn_store_post(a->home->store, id, r->arena, ret, &e);
    if (rc == MN_OK && (ret->account_id != mn_masto_me(r) || ret->deleted_ms)) {
        rc = MN_E_NOT_FOUND;
        e.rc = rc;
    }
    if (rc == MN_OK) return true;
    mn_masto_failed(r, w, rc, &e);
    return false;
}

static void answer(mn_req *r, mn_resp *w, const mn_post *post)
{
    mn_err e = {0};
    mn_api *a = r->app;
    mn_consents server = 0, account = 0;
    mn_rc rc = mn_store_consent_server(a->home->store, &server, NULL, &e);
    if (rc == MN_OK)
        rc = mn_store_consent_account(a->home->store, mn_masto_me(r), &account, NULL, &e);
    if (rc != MN_OK) {
        mn_masto_fail(r, w, &e);
        return;
    }
    mn_json_writer j = mn_masto_json(w);
    purposes_json(&j, server, account, post);
}

static void get_consent(mn_req *r, mn_resp *w)
{
    answer(r, w, NULL);
}

static void get_post_consent(mn_req *r, mn_resp *w)
{
    mn_post p;
    if (own_post(r, w, &p)) answer(r, w, &p);
}

/* Reads what was sent: purposes by name. All or nothing; *ret_n 0 when there was none. */
static mn_rc wished(const mn_req *r, mn_ledger_line lines[MN_PURPOSES], int *ret_n, mn_err *e)
{
    *ret_n = 0;
    for (int i = 0; i < MN_PURPOSES; i++) {
        mn_str s = mn_param(r, mn_purpose_names[i]);
        if (!s.ptr) continue;
        int v = 0;
        while (v <= MN_CONSENT_DENY && !mn_str_eqz(s, mn_social_consent_name((mn_consent)v)))
            v++;
        if (v > MN_CONSENT_DENY)
            return mn_fail(e, MN_E_USAGE,
                           "Validation failed: %s should be allow, deny or unset",
                           mn_purpose_names[i]);
        lines[(*ret_n)++] = (mn_ledger_line){.purpose = (mn_purpose)i, .value = (mn_consent)v};
    }
    if (*ret_n > 0) return MN_OK;
    return mn_fail(e, MN_E_USAGE, "Validation failed: no purpose was given");
}

static mn_rc enter(mn_req *r, mn_scope scope, uint64_t scope_id, mn_err *e)
{
    mn_ledger_line lines[MN_PURPOSES];
    mn_api *a = r->app;
    mn_tx *tx;
    int n = 0;
    MN_TRY(wished(r, lines, &n, e));
    MN_TRY(mn_store_begin(a->home->store, &tx, e));
    mn_rc rc = MN_OK;
    for (int i = 0; rc == MN_OK && i < n; i++) {
        lines[i].scope = scope;
        lines[i].scope_id = scope_id;
        lines[i].actor_id = mn_masto_me(r);
        lines[i].reason = MN_STR("set by the author");
        lines[i].at_ms = mn_now_ms();
        rc = mn_store_consent_add(tx, &lines[i], NULL, e);
    }
    if (rc == MN_OK)
        rc =
            mn_store_event(tx, (mn_event){.kind = MN_EV_ACCOUNT, .account = mn_masto_me(r)}, e);
    return mn_store_end(tx, rc, e);
}

static void put_consent(mn_req *r, mn_resp *w)
{
    mn_err e = {0};
    if (enter(r, MN_SCOPE_ACCOUNT, mn_masto_me(r), &e) != MN_OK) mn_masto_fail(r, w, &e);
    else answer(r, w, NULL);
}

static void put_post_consent(mn_req *r, mn_resp *w)
{
    mn_err e = {0};
    mn_post p;
    if (!own_post(r, w, &p)) return;
    if (enter(r, MN_SCOPE_POST, p.id, &e) != MN_OK) mn_masto_fail(r, w, &e);
    else if (own_post(r, w, &p)) answer(r, w, &p);
}

/* ---- what was done -------------------------------------------------------------------------------------------------- */

/* Posts of the account that a corpus has, in both its splits. A corpus that is gone counts as nothing. */
static uint64_t posts_in_corpus(const char *data_dir, mn_str corpus, uint64_t account)
{
    static const char *const splits[] = {"train", "val"};
    uint64_t n = 0;
    for (int i = 0; i < 2; i++) {
        char path[1024];
        mn_fs_map map;
        snprintf(path, sizeof path, "%s/corpus/%.*s/%s.origin", data_dir, MN_STR_FMT(corpus),
                 splits[i]);
        if (mn_fs_map_open(path, &map, NULL) != MN_OK) continue;
        for (size_t k = 0; k < map.len / sizeof(mn_origin); k++) {
            mn_origin o;
            memcpy(&o, map.ptr + k * sizeof o, sizeof o);
            n += o.author_id == account;
        }
        mn_fs_map_close(&map);
    }
    return n;
}

static bool plain_name(mn_str s)
{
    return s.len > 0 && s.len <= MN_CORPUS_NAME_MAX && s.ptr[0] != '.' &&
           !memchr(s.ptr, '/', s.len);
}

static void model_json(mn_req *r, const char *dir, const char *name, mn_json_writer *j)
{
    char path[1024];
    mn_buf text;
    mn_json *t = NULL;
    int64_t at = 0;
    struct stat st;
    snprintf(path, sizeof path, "%s/models/%s/training.json", dir, name);
    mn_buf_init(&text, TRAINING_MAX);
    if (stat(path, &st) == 0) at = (int64_t)st.st_mtime * 1000;
    if (at && mn_fs_read(path, TRAINING_MAX, &text, NULL) == MN_OK)
        mn_json_parse(mn_buf_str(&text), r->arena, &t, NULL);
    mn_str corpus = mn_json_str(mn_json_get(t, "corpus"));
    uint64_t n = plain_name(corpus) ? posts_in_corpus(dir, corpus, mn_masto_me(r)) : 0;
    if (n > 0) {
        mn_jw_object(j);
        mn_jw_key(j, "name");
        mn_jw_strz(j, name);
        mn_jw_key(j, "posts");
        mn_jw_u64(j, n);
        mn_jw_key(j, "at");
        mn_jw_time(j, at);
        mn_jw_object_end(j);
    }
    mn_buf_release(&text);
}

static void models_json(mn_req *r, mn_json_writer *j)
{
    mn_api *a = r->app;
    char path[1024];
    int n = 0;
    snprintf(path, sizeof path, "%s/models", a->home->dir);
    DIR *d = opendir(path);
    mn_jw_key(j, "models");
    mn_jw_array(j);
    for (struct dirent *f; d && n < MODELS_MAX && (f = readdir(d)) != NULL;) {
        if (!plain_name(mn_str_from(f->d_name)) || strcmp(f->d_name, "current") == 0) continue;
        model_json(r, a->home->dir, f->d_name, j);
        n++;
    }
    if (d) closedir(d);
    mn_jw_array_end(j);
}

static void licensees_json(mn_json_writer *j, const mn_uses *u, size_t n)
{
    mn_jw_key(j, "licensees");
    mn_jw_array(j);
    for (size_t i = 0; i < n; i++) {
        if (!mn_str_eqz(u[i].kind, "licensee")) continue;
        mn_jw_object(j);
        mn_jw_kstr(j, "name", u[i].ref);
        mn_jw_key(j, "posts");
        mn_jw_u64(j, u[i].posts);
        mn_jw_key(j, "at");
        mn_jw_time(j, u[i].last_ms);
        mn_jw_object_end(j);
    }
    mn_jw_array_end(j);
}

static void get_uses(mn_req *r, mn_resp *w)
{
    mn_err e = {0};
    mn_api *a = r->app;
    mn_uses *u = NULL, answers = {0};
    size_t n = 0;
    if (mn_store_uses_of(a->home->store, mn_masto_me(r), r->arena, &u, &n, &e) != MN_OK) {
        mn_masto_fail(r, w, &e);
        return;
    }
    for (size_t i = 0; i < n; i++)
        if (mn_str_eqz(u[i].kind, "answer")) answers = u[i];
    mn_json_writer j = mn_masto_json(w);
    mn_jw_object(&j);
    models_json(r, &j);
    mn_jw_key(&j, "answers");
    mn_jw_object(&j);
    mn_jw_key(&j, "posts");
    mn_jw_u64(&j, answers.posts);
    mn_jw_key(&j, "times");
    mn_jw_u64(&j, answers.times);
    mn_jw_key(&j, "last_at");
    if (answers.last_ms) mn_jw_time(&j, answers.last_ms);
    else mn_jw_null(&j);
    mn_jw_object_end(&j);
    licensees_json(&j, u, n);
    mn_jw_object_end(&j);
}

/* The posts that an answer quotes are told to their authors. What can't be noted is said in the log: an answer is not held back
 * for it. */
void mn_api__answer_used(mn_api *a, const mn_answer *answer)
{
    mn_err e = {0};
    mn_tx *tx;
    if (!answer->found || answer->posts.n == 0) return;
    mn_rc rc = mn_store_begin(a->home->store, &tx, &e);
    if (rc == MN_OK) {
        for (size_t i = 0; rc == MN_OK && i < answer->posts.n; i++)
            rc = mn_store_uses_add(tx, &answer->posts.items[i].id, 1, MN_STR("answer"),
                                   MN_STR(""), mn_now_ms(), &e);
        rc = mn_store_end(tx, rc, &e);
    }
    if (rc != MN_OK)
        mn_error("serve", "the use of posts in an answer was not noted: %s", e.msg);
}

/* ---- the ledger ------------------------------------------------------------------------------------------------------ */

static const char *const scope_names[] = {"server", "account", "import", "post", "grant"};

static void line_json(mn_json_writer *j, const mn_ledger_line *l)
{
    char hex[MN_HEX256];
    mn_jw_object(j);
    mn_jw_key(j, "seq");
    mn_jw_u64(j, l->seq);
    mn_jw_key(j, "at");
    mn_jw_time(j, l->at_ms);
    mn_jw_key(j, "scope");
    mn_jw_strz(j, scope_names[l->scope]);
    mn_jw_key(j, "scope_id");
    mn_jw_id(j, l->scope_id);
    mn_jw_key(j, "purpose");
    mn_jw_strz(j, mn_purpose_names[l->purpose]);
    mn_jw_key(j, "value");
    mn_jw_strz(j, mn_social_consent_name(l->value));
    mn_jw_kstr(j, "reason", l->reason);
    mn_jw_key(j, "hash");
    mn_jw_strz(j, mn_hex(l->hash, sizeof l->hash, hex));
    mn_jw_object_end(j);
}

static void get_history(mn_req *r, mn_resp *w)
{
    mn_err e = {0};
    mn_api *a = r->app;
    mn_ledger_line *l = NULL;
    size_t n = 0;
    if (mn_store_ledger_of(a->home->store, MN_SCOPE_ACCOUNT, mn_masto_me(r), HISTORY_MAX,
                           r->arena, &l, &n, &e) != MN_OK) {
        mn_masto_fail(r, w, &e);
        return;
    }
    mn_json_writer j = mn_masto_json(w);
    mn_jw_array(&j);
    for (size_t i = 0; i < n; i++) line_json(&j, &l[i]);
    mn_jw_array_end(&j);
}

const mn_route mn_api__routes_consent[] = {
    {MN_GET, "/api/mynah/consent", get_consent, 0, MN_RUN_HERE, "read:accounts"},
    {MN_PUT, "/api/mynah/consent", put_consent, 4096, MN_RUN_WORKER, "write:accounts"},
    {MN_GET, "/api/mynah/consent/uses", get_uses, 0, MN_RUN_WORKER, "read:accounts"},
    {MN_GET, "/api/mynah/consent/history", get_history, 0, MN_RUN_HERE, "read:accounts"},
    {MN_GET, "/api/mynah/consent/posts/:id", get_post_consent, 0, MN_RUN_HERE, "read:statuses"},
    {MN_PUT, "/api/mynah/consent/posts/:id", put_post_consent, 4096, MN_RUN_WORKER,
     "write:statuses"},
    {.path = NULL},
};
