/* mynah account: accounts and their consent, from the command line of the operator. */
#include "cmd/account.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/progress.h"
#include "base/stop.h"
#include "cmd/cmd.h"
#include "social/social.h"

#define DELETE_BATCH 1000
#define LIST_PAGE    500
#define LINES_SHOWN  20

/* What every verb has: its options, its data folder, the account it speaks of, what it prints. */
typedef struct job {
    const char *verb;
    const char *data;
    bool json;
    mn_home home;
    mn_arena arena;
    mn_account account;
    mn_buf out;
    mn_json_writer w;
} job;

static mn_rc start(job *j, const char *verb, mn_err *e)
{
    j->verb = verb;
    mn_arena_init(&j->arena, 0);
    mn_buf_init(&j->out, 0);
    mn_json_writer_init(&j->w, &j->out, 0);
    if (j->json) mn_progress_disable();
    return mn_home_open(j->data, &j->home, e);
}

/* Prints what was collected, or the failure; releases everything; gives the exit code. */
static int finish(job *j, mn_rc rc, mn_err *e)
{
    if (rc == MN_OK && j->out.failed) rc = mn_fail(e, j->out.failed, "out of memory");
    if (rc == MN_OK) {
        if (j->json && j->out.len && j->out.ptr[j->out.len - 1] != '\n')
            mn_buf_addc(&j->out, '\n');
        fwrite(j->out.ptr ? j->out.ptr : "", 1, j->out.len, stdout);
        if (fflush(stdout) != 0) rc = mn_fail_errno(e, MN_E_IO, "cannot write to stdout");
    }
    mn_buf_release(&j->out);
    mn_arena_release(&j->arena);
    mn_home_close(&j->home);
    return rc == MN_OK ? 0 : mn_cmd_failed(j->verb, e, j->json);
}

mn_rc mn_cmd__account_find(mn_store *s, const char *name, mn_arena *ar, mn_account *ret,
                           mn_err *e)
{
    mn_str n = mn_str_from(*name == '@' ? name + 1 : name);
    mn_rc rc = mn_store_account_by_name(s, n, ar, ret, e);
    if (rc == MN_E_NOT_FOUND)
        return mn_fail(e, rc, "there is no account '%.80s'; `mynah account list` shows them",
                       name);
    return rc;
}

static mn_rc find(job *j, const char *name, mn_err *e)
{
    return mn_cmd__account_find(j->home.store, name, &j->arena, &j->account, e);
}

/* Exactly n positionals, else a word about it. */
static mn_rc expect(int n_pos, int n, const char *what, mn_err *e)
{
    return n_pos == n ? MN_OK : mn_fail(e, MN_E_USAGE, "expected %s", what);
}

#define OPT_DATA(j)                                                                            \
    {                                                                                          \
        "data", 0, MN_OPT_STR, &(j).data, "DIR",                                               \
            "The data folder; else $MYNAH_DATA, else ./mynah-data."                            \
    }
#define OPT_JSON(j, text)                                                                      \
    {                                                                                          \
        "json", 0, MN_OPT_FLAG, &(j).json, NULL, text                                          \
    }

/* ---- create, password -------------------------------------------------------------------------------------------- */

static void put_password(job *j, uint64_t id, const char *name, const char *role,
                         const char *password)
{
    if (!j->json) {
        mn_buf_addf(&j->out, "%s: one-time password, shown only now: %s\n", name, password);
        return;
    }
    mn_jw_object(&j->w);
    mn_jw_kid(&j->w, "id", id);
    mn_jw_kstrz(&j->w, "name", name);
    mn_jw_kstrz(&j->w, "role", role);
    mn_jw_kstrz(&j->w, "password", password);
    mn_jw_object_end(&j->w);
}

static int create(int argc, char **argv)
{
    job j = {0};
    mn_err e = {0};
    int n_pos = 0;
    uint64_t id = 0;
    char password[32];
    const char *role_name = "member", *display = NULL;
    mn_account_role role = MN_ROLE_MEMBER;
    const mn_opt opts[] = {{"role", 0, MN_OPT_STR, &role_name, "ROLE",
                            "member (the default), moderator or operator."},
                           {"display", 0, MN_OPT_STR, &display, "TEXT",
                            "The name that people read; else the account's name."},
                           OPT_DATA(j),
                           OPT_JSON(j, "Print {\"id\",\"name\",\"role\",\"password\"}."),
                           {0}};
    const mn_usage u = {
        "account create", "NAME [--role ROLE] [--display TEXT]",
        "Makes an account and prints its one-time password, once: it is kept only as a "
        "hash. NAME has 1 to 64 letters A to Z, digits and '_', with '.' and '-' inside, "
        "and is unique without regard to case.",
        "mynah account create ada --role operator --display 'Ada Lovelace'"};
    mn_rc rc = mn_args_parse(argc, argv, &u, opts, &n_pos, &e);
    if (rc == MN_OK) rc = expect(n_pos, 1, "one name: mynah account create NAME", &e);
    if (rc == MN_OK) rc = mn_social_role_parse(role_name, &role, &e);
    if (rc != MN_OK) return mn_cmd_failed("account create", &e, j.json);
    rc = start(&j, "account create", &e);
    if (rc == MN_OK)
        rc = mn_social_account_create(j.home.store, mn_str_from(argv[1]), mn_str_from(display),
                                      role, NULL, password, &id, &e);
    if (rc == MN_OK) put_password(&j, id, argv[1], mn_social_role_name(role), password);
    return finish(&j, rc, &e);
}

static int new_password(int argc, char **argv)
{
    job j = {0};
    mn_err e = {0};
    int n_pos = 0;
    char password[32];
    const mn_opt opts[] = {
        OPT_DATA(j), OPT_JSON(j, "Print {\"id\",\"name\",\"role\",\"password\"}."), {0}};
    const mn_usage u = {
        "account password", "NAME",
        "Gives an account a new one-time password and prints it, once. The old password "
        "is void at once.",
        "mynah account password ada"};
    mn_rc rc = mn_args_parse(argc, argv, &u, opts, &n_pos, &e);
    if (rc == MN_OK) rc = expect(n_pos, 1, "one name: mynah account password NAME", &e);
    if (rc != MN_OK) return mn_cmd_failed("account password", &e, j.json);
    rc = start(&j, "account password", &e);
    if (rc == MN_OK) rc = find(&j, argv[1], &e);
    if (rc == MN_OK)
        rc = mn_social_password_set(j.home.store, j.account.id, NULL, password, &e);
    if (rc == MN_OK)
        put_password(&j, j.account.id, j.account.name.ptr, mn_social_role_name(j.account.role),
                     password);
    return finish(&j, rc, &e);
}

/* ---- list, show -------------------------------------------------------------------------------------------------- */

static void put_settings(job *j, mn_consents c)
{
    mn_jw_key(&j->w, "consent");
    mn_jw_object(&j->w);
    for (int p = 0; p < MN_PURPOSES; p++)
        mn_jw_kstrz(&j->w, mn_purpose_names[p],
                    mn_social_consent_name(mn_consents_get(c, (mn_purpose)p)));
    mn_jw_object_end(&j->w);
}

/* The members of an account's object; the caller opens and closes it. */
static void put_account_json(job *j, const mn_account *a)
{
    mn_jw_kid(&j->w, "id", a->id);
    mn_jw_kstr(&j->w, "name", a->name);
    mn_jw_kstr(&j->w, "display_name", a->display_name);
    mn_jw_kstrz(&j->w, "role", mn_social_role_name(a->role));
    mn_jw_kstrz(&j->w, "state", mn_social_state_name(a->state));
    mn_jw_ku64(&j->w, "posts", a->n_posts);
    mn_jw_key(&j->w, "created_at");
    mn_jw_time(&j->w, a->created_ms);
    mn_jw_kstr(&j->w, "origin", a->origin);
    mn_jw_kbool(&j->w, "can_sign_in",
                a->password_hash.len > 0 && a->state == MN_ACCOUNT_ACTIVE);
}

static void put_row(job *j, const mn_account *a)
{
    if (j->json) {
        mn_jw_object(&j->w);
        put_account_json(j, a);
        mn_jw_object_end(&j->w);
        mn_buf_addc(&j->out, '\n');
        mn_json_writer_init(&j->w, &j->out, 0);
        return;
    }
    mn_buf_addf(&j->out, "%-32.*s %-10s %-10s %10llu  %.*s\n", MN_STR_FMT(a->name),
                mn_social_role_name(a->role), mn_social_state_name(a->state),
                (unsigned long long)a->n_posts, MN_STR_FMT(a->display_name));
}

static mn_rc put_all(job *j, mn_err *e)
{
    char last[128] = "";
    for (size_t n = LIST_PAGE; n == LIST_PAGE;) {
        mn_account *list = NULL;
        mn_arena_reset(&j->arena);
        MN_TRY(mn_store_accounts(j->home.store, mn_str_from(last), LIST_PAGE, &j->arena, &list,
                                 &n, e));
        for (size_t i = 0; i < n; i++) put_row(j, &list[i]);
        if (n > 0) snprintf(last, sizeof last, "%.*s", MN_STR_FMT(list[n - 1].name));
    }
    return MN_OK;
}

static int list(int argc, char **argv)
{
    job j = {0};
    mn_err e = {0};
    int n_pos = 0;
    const mn_opt opts[] = {OPT_DATA(j), OPT_JSON(j, "Print one object a line."), {0}};
    const mn_usage u = {
        "account list", "",
        "Lists all accounts by name: role, state, number of live posts, display name.",
        "mynah account list --json | jq -r .name"};
    mn_rc rc = mn_args_parse(argc, argv, &u, opts, &n_pos, &e);
    if (rc == MN_OK) rc = expect(n_pos, 0, "no arguments: mynah account list", &e);
    if (rc != MN_OK) return mn_cmd_failed("account list", &e, j.json);
    rc = start(&j, "account list", &e);
    if (rc == MN_OK) rc = put_all(&j, &e);
    return finish(&j, rc, &e);
}

static void put_account_text(job *j, const mn_account *a)
{
    char when[MN_TIME_MAX];
    mn_buf_addf(&j->out, "name      %.*s\ndisplay   %.*s\nid        %llu\n",
                MN_STR_FMT(a->name), MN_STR_FMT(a->display_name), (unsigned long long)a->id);
    mn_buf_addf(&j->out, "role      %s\nstate     %s\ncreated   %s\nposts     %llu\n",
                mn_social_role_name(a->role), mn_social_state_name(a->state),
                mn_time_format(a->created_ms, when), (unsigned long long)a->n_posts);
    if (a->origin.len) mn_buf_addf(&j->out, "origin    %.*s\n", MN_STR_FMT(a->origin));
    mn_buf_addf(&j->out, "sign-in   %s\n",
                a->state != MN_ACCOUNT_ACTIVE ? "no"
                : a->password_hash.len        ? "with a password"
                                              : "never (it has no password)");
}

static int show(int argc, char **argv)
{
    job j = {0};
    mn_err e = {0};
    int n_pos = 0;
    mn_consents c = 0;
    const mn_opt opts[] = {OPT_DATA(j), OPT_JSON(j, "Print one object."), {0}};
    const mn_usage u = {
        "account show", "NAME",
        "Shows one account. Its consent settings are with `mynah account consent NAME`.",
        "mynah account show ada"};
    mn_rc rc = mn_args_parse(argc, argv, &u, opts, &n_pos, &e);
    if (rc == MN_OK) rc = expect(n_pos, 1, "one name: mynah account show NAME", &e);
    if (rc != MN_OK) return mn_cmd_failed("account show", &e, j.json);
    rc = start(&j, "account show", &e);
    if (rc == MN_OK) rc = find(&j, argv[1], &e);
    if (rc == MN_OK) rc = mn_store_consent_account(j.home.store, j.account.id, &c, NULL, &e);
    if (rc == MN_OK && j.json) {
        mn_jw_object(&j.w);
        put_account_json(&j, &j.account);
        put_settings(&j, c);
        mn_jw_object_end(&j.w);
    } else if (rc == MN_OK) {
        put_account_text(&j, &j.account);
    }
    return finish(&j, rc, &e);
}

/* ---- suspend, delete --------------------------------------------------------------------------------------------- */

static void put_state(job *j, mn_account_state state, uint64_t n_deleted)
{
    if (!j->json) {
        mn_buf_addf(&j->out, "%.*s is %s\n", MN_STR_FMT(j->account.name),
                    mn_social_state_name(state));
        return;
    }
    mn_jw_object(&j->w);
    mn_jw_kid(&j->w, "id", j->account.id);
    mn_jw_kstr(&j->w, "name", j->account.name);
    mn_jw_kstrz(&j->w, "state", mn_social_state_name(state));
    if (state == MN_ACCOUNT_DELETED) mn_jw_ku64(&j->w, "posts_deleted", n_deleted);
    mn_jw_object_end(&j->w);
}

static int suspend(int argc, char **argv)
{
    job j = {0};
    mn_err e = {0};
    int n_pos = 0;
    bool undo = false;
    const mn_opt opts[] = {{"undo", 0, MN_OPT_FLAG, &undo, NULL, "Lift the suspension."},
                           OPT_DATA(j),
                           OPT_JSON(j, "Print {\"id\",\"name\",\"state\"}."),
                           {0}};
    const mn_usage u = {
        "account suspend", "NAME [--undo]",
        "Suspends an account: it cannot sign in, and its posts are shown to nobody, "
        "searched by nobody and used for nothing, until --undo.",
        "mynah account suspend spammer\nmynah account suspend spammer --undo"};
    mn_rc rc = mn_args_parse(argc, argv, &u, opts, &n_pos, &e);
    if (rc == MN_OK) rc = expect(n_pos, 1, "one name: mynah account suspend NAME", &e);
    if (rc != MN_OK) return mn_cmd_failed("account suspend", &e, j.json);
    rc = start(&j, "account suspend", &e);
    if (rc == MN_OK) rc = find(&j, argv[1], &e);
    if (rc == MN_OK) rc = mn_social_account_suspend(j.home.store, j.account.id, !undo, &e);
    if (rc == MN_OK) put_state(&j, undo ? MN_ACCOUNT_ACTIVE : MN_ACCOUNT_SUSPENDED, 0);
    return finish(&j, rc, &e);
}

static mn_rc delete_all(job *j, mn_err *e)
{
    mn_progress bar;
    mn_rc rc = MN_OK;
    uint64_t done = 0;
    mn_progress_start(&bar, "delete", "posts", j->account.n_posts);
    for (bool left = true; rc == MN_OK && left;) {
        if (mn_stop_requested())
            rc = mn_fail(e, MN_E_CANCELLED,
                         "stopped; run it again to delete the posts that are left");
        else
            rc = mn_social_account_delete(j->home.store, j->account.id, DELETE_BATCH, &left, e);
        mn_progress_set(&bar, done += DELETE_BATCH);
    }
    mn_progress_end(&bar);
    return rc;
}

static int delete (int argc, char **argv)
{
    job j = {0};
    mn_err e = {0};
    int n_pos = 0;
    bool yes = false;
    const mn_opt opts[] = {
        {"yes", 0, MN_OPT_FLAG, &yes, NULL, "Needed: this cannot be undone."},
        OPT_DATA(j),
        OPT_JSON(j, "Print {\"id\",\"name\",\"state\",\"posts_deleted\"}."),
        {0}};
    const mn_usage u = {
        "account delete", "NAME --yes",
        "Deletes an account for good: its profile and password are emptied, the text of "
        "all its posts is removed (the empty places stay, so that threads keep their "
        "shape and an import does not bring them back). The name stays taken. Models and "
        "indexes made from the posts forget them when they next follow the store.",
        "mynah account delete spammer --yes"};
    mn_rc rc = mn_args_parse(argc, argv, &u, opts, &n_pos, &e);
    if (rc == MN_OK) rc = expect(n_pos, 1, "one name: mynah account delete NAME --yes", &e);
    if (rc == MN_OK && !yes)
        rc = mn_fail(&e, MN_E_USAGE, "this cannot be undone: say --yes to delete '%.80s'",
                     argv[1]);
    if (rc != MN_OK) return mn_cmd_failed("account delete", &e, j.json);
    rc = start(&j, "account delete", &e);
    if (rc == MN_OK) rc = find(&j, argv[1], &e);
    if (rc == MN_OK) rc = delete_all(&j, &e);
    if (rc == MN_OK) put_state(&j, MN_ACCOUNT_DELETED, j.account.n_posts);
    return finish(&j, rc, &e);
}

/* ---- consent ----------------------------------------------------------------------------------------------------- */

typedef struct change {
    mn_purpose purpose;
    mn_consent value;
} change;

static mn_rc set_all(job *j, mn_scope scope, uint64_t id, const change *c, int n,
                     const char *reason, mn_err *e)
{
    for (int i = 0; i < n; i++)
        MN_TRY(mn_social_consent_set(j->home.store, scope, id, c[i].purpose, c[i].value, 0,
                                     mn_str_from(reason), e));
    return MN_OK;
}

static void put_lines_json(job *j, const mn_ledger_line *lines, size_t n)
{
    mn_jw_key(&j->w, "ledger");
    mn_jw_array(&j->w);
    for (size_t i = 0; i < n; i++) {
        char hex[MN_HEX256];
        mn_jw_object(&j->w);
        mn_jw_ku64(&j->w, "seq", lines[i].seq);
        mn_jw_key(&j->w, "at");
        mn_jw_time(&j->w, lines[i].at_ms);
        mn_jw_kstrz(&j->w, "purpose", mn_purpose_names[lines[i].purpose]);
        mn_jw_kstrz(&j->w, "value", mn_social_consent_name(lines[i].value));
        mn_jw_kid(&j->w, "actor", lines[i].actor_id);
        mn_jw_kstr(&j->w, "reason", lines[i].reason);
        mn_jw_kstrz(&j->w, "hash", mn_hex(lines[i].hash, 32, hex));
        mn_jw_object_end(&j->w);
    }
    mn_jw_array_end(&j->w);
}

static void put_lines_text(job *j, const mn_ledger_line *lines, size_t n)
{
    if (n > 0) mn_buf_addf(&j->out, "\nlines of the ledger, newest first:\n");
    for (size_t i = 0; i < n; i++) {
        char when[MN_TIME_MAX];
        mn_buf_addf(&j->out, "%8llu  %s  %s=%s%s%.*s\n", (unsigned long long)lines[i].seq,
                    mn_time_format(lines[i].at_ms, when), mn_purpose_names[lines[i].purpose],
                    mn_social_consent_name(lines[i].value), lines[i].reason.len ? "  " : "",
                    MN_STR_FMT(lines[i].reason));
    }
}

/* What an account's unset purpose falls back to, or the server's own default. */
static const char *fallback(mn_purpose p, mn_consents server, bool is_server)
{
    mn_consent c = mn_consents_get(server, p);
    if (is_server || c == MN_CONSENT_UNSET)
        return p == MN_P_SEARCH ? "unset: public posts are searched" : "unset: not allowed";
    return c == MN_CONSENT_ALLOW ? "unset: the server allows" : "unset: the server denies";
}

static void put_settings_text(job *j, mn_consents own, mn_consents server, bool is_server)
{
    for (int i = 0; i < MN_PURPOSES; i++) {
        mn_purpose p = (mn_purpose)i;
        mn_consent c = mn_consents_get(own, p);
        mn_buf_addf(&j->out, "%-18s%s\n", mn_purpose_names[i],
                    c != MN_CONSENT_UNSET ? mn_social_consent_name(c)
                                          : fallback(p, server, is_server));
    }
}

static mn_rc put_consent(job *j, bool is_server, mn_err *e)
{
    mn_consents server = 0, own = 0;
    mn_ledger_line *lines = NULL;
    size_t n = 0;
    MN_TRY(mn_store_consent_server(j->home.store, &server, NULL, e));
    own = server;
    if (!is_server)
        MN_TRY(mn_store_consent_account(j->home.store, j->account.id, &own, NULL, e));
    MN_TRY(mn_store_ledger_of(j->home.store, is_server ? MN_SCOPE_SERVER : MN_SCOPE_ACCOUNT,
                              is_server ? 0 : j->account.id, LINES_SHOWN, &j->arena, &lines, &n,
                              e));
    if (!j->json) {
        put_settings_text(j, own, server, is_server);
        put_lines_text(j, lines, n);
        return MN_OK;
    }
    mn_jw_object(&j->w);
    mn_jw_kstrz(&j->w, "scope", is_server ? "server" : "account");
    if (!is_server) mn_jw_kstr(&j->w, "name", j->account.name);
    put_settings(j, own);
    put_lines_json(j, lines, n);
    mn_jw_object_end(&j->w);
    return MN_OK;
}

static mn_rc parse_changes(int n, char **args, change ret[MN_PURPOSES], mn_err *e)
{
    if (n > MN_PURPOSES)
        return mn_fail(e, MN_E_USAGE, "there are only %d purposes to set", MN_PURPOSES);
    for (int i = 0; i < n; i++)
        MN_TRY(mn_social_consent_parse(args[i], &ret[i].purpose, &ret[i].value, e));
    return MN_OK;
}

static int consent(int argc, char **argv)
{
    job j = {0};
    mn_err e = {0};
    int n_pos = 0, n = 0;
    bool server = false;
    const char *reason = "set at the command line";
    change changes[MN_PURPOSES];
    const mn_opt opts[] = {
        {"server", 0, MN_OPT_FLAG, &server, NULL,
         "The default of this server, for accounts that have not said anything."},
        {"reason", 0, MN_OPT_STR, &reason, "TEXT", "Why; it is kept in the ledger."},
        OPT_DATA(j),
        OPT_JSON(j, "Print {\"scope\",\"consent\",\"ledger\"}."),
        {0}};
    const mn_usage u = {
        "account consent", "(NAME | --server) [PURPOSE=allow|deny|unset]… [--reason TEXT]",
        "Shows, or changes and then shows, what may be done with an account's posts. The "
        "purposes: "
        "search, train_generative, train_other, inference_input (quoting in answers), "
        "embedding, "
        "archive, bulk_dataset, bridge. The nearest setting decides: post, then account, then "
        "server; "
        "where none says anything, public posts are searched and nothing else is allowed. Each "
        "change "
        "is a line of the ledger, which is never rewritten.",
        "mynah account consent ada train_generative=allow inference_input=allow\n"
        "mynah account consent --server train_generative=deny --reason 'decided in the "
        "assembly'\n"
        "mynah account consent ada"};
    mn_rc rc = mn_args_parse(argc, argv, &u, opts, &n_pos, &e);
    int first = server ? 1 : 2;
    if (rc == MN_OK && n_pos < first - 1)
        rc = mn_fail(&e, MN_E_USAGE, "expected a name or --server: mynah account consent NAME");
    if (rc == MN_OK) rc = parse_changes(n = n_pos - first + 1, argv + first, changes, &e);
    if (rc != MN_OK) return mn_cmd_failed("account consent", &e, j.json);
    rc = start(&j, "account consent", &e);
    if (rc == MN_OK && !server) rc = find(&j, argv[1], &e);
    if (rc == MN_OK)
        rc = set_all(&j, server ? MN_SCOPE_SERVER : MN_SCOPE_ACCOUNT, server ? 0 : j.account.id,
                     changes, n, reason, &e);
    if (rc == MN_OK) rc = put_consent(&j, server, &e);
    return finish(&j, rc, &e);
}

int mn_cmd_account(int argc, char **argv)
{
    static const mn_cmd verbs[] = {
        {"create", create, "make an account and print its one-time password"},
        {"password", new_password, "give an account a new one-time password"},
        {"list", list, "all accounts"},
        {"show", show, "one account"},
        {"suspend", suspend, "hide an account and keep it from signing in, or undo that"},
        {"delete", delete, "empty an account and all its posts, for good"},
        {"key", mn_cmd__account_key, "a member's keys of the model API: list, make, revoke"},
        {"consent", consent, "what may be done with an account's posts; the server's default"},
        {0}};
    return mn_cmd_verbs("account", verbs, argc, argv);
}
