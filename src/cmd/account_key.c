/* mynah account key: a member's keys of the model API, from the command line of the operator. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "cmd/account.h"
#include "cmd/cmd.h"
#include "social/keys.h"

typedef struct asked {
    const char *data, *make, *scopes, *revoke;
    bool json;
} asked;

static void key_json(mn_json_writer *j, const mn_token *t)
{
    mn_jw_object(j);
    mn_jw_kid(j, "id", t->id);
    mn_jw_kstr(j, "name", t->name);
    mn_jw_kstr(j, "hint", t->hint);
    mn_jw_kstr(j, "scopes", t->scopes);
    mn_jw_key(j, "created_at");
    mn_jw_time(j, t->created_ms);
    mn_jw_key(j, "used_at");
    if (t->used_ms) mn_jw_time(j, t->used_ms);
    else mn_jw_null(j);
    mn_jw_object_end(j);
}

static void put_json(mn_buf *out, const mn_token *list, size_t n, const mn_key *fresh)
{
    mn_json_writer j;
    mn_json_writer_init(&j, out, 0);
    mn_jw_object(&j);
    if (fresh) mn_jw_kstrz(&j, "key", fresh->text);
    mn_jw_key(&j, "keys");
    mn_jw_array(&j);
    for (size_t i = 0; i < n; i++) key_json(&j, &list[i]);
    mn_jw_array_end(&j);
    mn_jw_object_end(&j);
    mn_buf_addc(out, '\n');
}

static void put_text(mn_buf *out, const mn_token *list, size_t n, const mn_key *fresh)
{
    char made[MN_TIME_MAX], used[MN_TIME_MAX];
    if (fresh) mn_buf_addf(out, "%s\n", fresh->text);
    for (size_t i = 0; !fresh && i < n; i++)
        mn_buf_addf(out, "%llu  …%.*s  %-24.*s %-28.*s made %.10s, %s%.10s\n",
                    (unsigned long long)list[i].id, MN_STR_FMT(list[i].hint),
                    MN_STR_FMT(list[i].name), MN_STR_FMT(list[i].scopes),
                    mn_time_format(list[i].created_ms, made),
                    list[i].used_ms ? "used " : "never used",
                    list[i].used_ms ? mn_time_format(list[i].used_ms, used) : "");
}

static mn_rc change(const asked *q, mn_store *s, uint64_t account, mn_key *ret_key, mn_err *e)
{
    uint64_t id = 0;
    if (q->make)
        return mn_key_make(s, account, mn_str_from(q->make),
                           mn_str_from(q->scopes ? q->scopes : ""), ret_key, NULL, e);
    if (!q->revoke) return MN_OK;
    if (mn_str_to_u64(mn_str_from(q->revoke), &id) != MN_OK)
        return mn_fail(e, MN_E_USAGE, "--revoke takes the id of a key, as the list shows it");
    return mn_key_revoke(s, account, id, e);
}

static mn_rc run(const asked *q, const char *name, mn_buf *out, mn_err *e)
{
    mn_home home;
    mn_arena ar;
    mn_account account;
    mn_key key = {0};
    mn_token *list = NULL;
    size_t n = 0;
    MN_TRY(mn_home_open(q->data, &home, e));
    mn_arena_init(&ar, 0);
    mn_rc rc = mn_cmd__account_find(home.store, name, &ar, &account, e);
    if (rc == MN_OK) rc = change(q, home.store, account.id, &key, e);
    if (rc == MN_OK) rc = mn_keys_of(home.store, account.id, &ar, &list, &n, e);
    if (rc == MN_OK) (q->json ? put_json : put_text)(out, list, n, q->make ? &key : NULL);
    mn_arena_release(&ar);
    mn_home_close(&home);
    return rc;
}

static mn_rc read_options(int argc, char **argv, asked *q, mn_err *e)
{
    int n_pos = 0;
    const mn_opt opts[] = {
        {"make", 0, MN_OPT_STR, &q->make, "NAME",
         "Make a key; NAME says what it is for. It is printed, this once."},
        {"scopes", 0, MN_OPT_STR, &q->scopes, "SCOPES",
         "What it opens: model:list, model:generate, model:embed, or model, which is all of "
         "them (the default)."},
        {"revoke", 0, MN_OPT_STR, &q->revoke, "ID", "Take a key back; it ends at once."},
        MN_CMD_OPT_DATA(&q->data),
        MN_CMD_OPT_JSON(&q->json, "Print {\"key\",\"keys\"}."),
        {0}};
    const mn_usage u = {
        "account key", "NAME [--make NAME [--scopes SCOPES] | --revoke ID]",
        "Lists a member's keys of the model API (/v1), makes one, or takes one back. Members "
        "do the same at /settings/keys.",
        "mynah account key ada --make laptop\nmynah account key ada --revoke 1234567890"};
    MN_TRY(mn_args_parse(argc, argv, &u, opts, &n_pos, e));
    if (n_pos != 1) return mn_fail(e, MN_E_USAGE, "expected one name: mynah account key NAME");
    if (q->make && q->revoke)
        return mn_fail(e, MN_E_USAGE, "--make and --revoke do not go together");
    return MN_OK;
}

int mn_cmd__account_key(int argc, char **argv)
{
    asked q = {0};
    mn_err e = {0};
    mn_buf out;
    mn_buf_init(&out, 0);
    mn_rc rc = read_options(argc, argv, &q, &e);
    if (rc == MN_OK) rc = run(&q, argv[1], &out, &e);
    if (rc == MN_OK && out.failed) rc = mn_fail(&e, out.failed, "out of memory");
    if (rc == MN_OK) fwrite(out.ptr, 1, out.len, stdout);
    if (rc == MN_OK && fflush(stdout) != 0)
        rc = mn_fail_errno(&e, MN_E_IO, "cannot write to stdout");
    mn_buf_release(&out);
    return rc == MN_OK ? 0 : mn_cmd_failed("account key", &e, q.json);
}
