/* Benches of signing up and in: accounts made by an identity from elsewhere (no password is hashed), accounts made with a
 * password (argon2id decides), and a token checked as each request checks it. The store is a fresh one in /tmp. */
#include <stdio.h>

#include "base/clock.h"
#include "base/fs.h"
#include "cmd/bench.h"
#include "social/signin.h"

enum { IDENTITIES = 5000, PASSWORDS = 50, CHECKS = 1000000, TOKENS = 1000 };

typedef struct place {
    char dir[64];
    mn_store *store;
    uint64_t n; /* accounts made */
} place;

static mn_rc open_place(place *p, mn_err *e)
{
    char path[128];
    memset(p, 0, sizeof *p);
    MN_TRY(mn_bench_tmp(p->dir, e));
    snprintf(path, sizeof path, "%s/mynah.db", p->dir);
    return mn_store_open(path, &p->store, e);
}

static void close_place(place *p)
{
    mn_store_close(p->store);
    if (p->dir[0]) mn_fs_remove_tree(p->dir, NULL);
}

/* One newcomer: everything that a sign-up writes, and the session it begins. */
static mn_rc sign_up(place *p, bool password, mn_err *e)
{
    const mn_sign_up_rules rules = {MN_SIGN_UP_OPEN, MN_EMAIL_OPTIONAL, false};
    char name[32], subject[64];
    mn_faults faults = {.n = 0};
    mn_secret session;
    uint64_t account = 0;
    bool waits = false;
    snprintf(name, sizeof name, "newcomer_%llu", (unsigned long long)p->n);
    snprintf(subject, sizeof subject, "%s@elsewhere.example", name);
    mn_sign_up up = {.name = mn_str_from(name),
                     .ip = MN_STR("192.0.2.1"),
                     .agreement = true,
                     .consent = mn_consents_set(0, MN_P_TRAIN_GENERATIVE, MN_CONSENT_DENY)};
    if (password) up.password = MN_STR("a few long words");
    else up.provider = MN_STR("mastodon"), up.subject = mn_str_from(subject);
    MN_TRY(mn_social_sign_up(p->store, &rules, &up, &account, &waits, &faults, e));
    if (faults.n) return mn_fail(e, MN_E_USAGE, "a made sign-up was refused");
    p->n++;
    return mn_social_session_begin(p->store, account, up.ip, MN_STR("bench"), &session, e);
}

static mn_rc sign_up_many(place *p, int n, bool password, mn_err *e)
{
    for (int i = 0; i < n; i++) MN_TRY(sign_up(p, password, e));
    return MN_OK;
}

static mn_rc identities(void *arg, mn_err *e)
{
    return sign_up_many(arg, IDENTITIES, false, e);
}

static mn_rc passwords(void *arg, mn_err *e)
{
    return sign_up_many(arg, PASSWORDS, true, e);
}

static mn_rc run_sign_up(mn_bench_run *r, mn_err *e)
{
    place p;
    mn_rc rc = open_place(&p, e);
    if (rc == MN_OK)
        rc = mn_bench_measure(r, "identity", IDENTITIES, "sign-ups",
                              "account, identity, consent, session: two commits each",
                              identities, &p, e);
    if (rc == MN_OK)
        rc = mn_bench_measure(r, "password", PASSWORDS, "sign-ups", "argon2id, one thread",
                              passwords, &p, e);
    close_place(&p);
    return rc;
}

typedef struct checks {
    mn_access *access;
    mn_secret tokens[TOKENS];
} checks;

static mn_rc check_many(void *arg, mn_err *e)
{
    checks *c = arg;
    mn_grant g;
    for (int i = 0; i < CHECKS; i++)
        MN_TRY(mn_access_check(c->access, mn_str_from(c->tokens[i % TOKENS].text), &g, e));
    return MN_OK;
}

static mn_rc make_tokens(place *p, checks *c, mn_err *e)
{
    mn_tx *tx;
    mn_rc rc = mn_store_begin(p->store, &tx, e);
    if (rc != MN_OK) return rc;
    for (int i = 0; rc == MN_OK && i < TOKENS; i++)
        rc = mn_access_token_make(tx, 0, 0, MN_STR("read write"), &c->tokens[i], NULL, e);
    if (rc == MN_OK) return mn_store_commit(tx, e);
    mn_store_rollback(tx);
    return rc;
}

static mn_rc run_tokens(mn_bench_run *r, mn_err *e)
{
    place p;
    checks *c = mn_arena_calloc(&r->arena, 1, sizeof *c);
    if (!c) return mn_fail(e, MN_E_NOMEM, "no memory for a bench");
    mn_rc rc = open_place(&p, e);
    if (rc == MN_OK) rc = mn_access_new(p.store, &c->access, e);
    if (rc == MN_OK) rc = make_tokens(&p, c, e);
    if (rc == MN_OK)
        rc = mn_bench_measure(r, "known token", CHECKS, "checks", NULL, check_many, c, e);
    mn_access_free(c->access);
    close_place(&p);
    return rc;
}

const mn_bench mn_bench_access[] = {
    {"sign-up", "accounts made by an identity from elsewhere, and with a password",
     run_sign_up},
    {"tokens", "access tokens checked", run_tokens},
    {0},
};
