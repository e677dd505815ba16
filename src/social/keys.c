#include "social/keys.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/snowflake.h"

#define HINT 4 /* letters shown of a key, so that its owner knows which it is */

static mn_rc check_name(mn_str name, mn_err *e)
{
    size_t n = mn_utf8_valid(name) ? mn_utf8_count(name) : 0;
    if (n == 0 || n > MN_KEY_NAME_MAX)
        return mn_fail(e, MN_E_USAGE, "a key's name has 1 to %d characters", MN_KEY_NAME_MAX);
    for (size_t i = 0; i < name.len; i++)
        if ((unsigned char)name.ptr[i] < ' ')
            return mn_fail(e, MN_E_USAGE, "a key's name is one line of text");
    return MN_OK;
}

static mn_rc check_scopes(mn_str scopes, mn_err *e)
{
    mn_scopes want = 0, all = 0;
    MN_TRY(mn_scopes_parse(MN_STR("model"), &all, e));
    mn_rc rc = mn_scopes_parse(scopes, &want, e);
    if (rc == MN_E_PARSE) return mn_fail(e, MN_E_USAGE, "%s", e ? e->msg : "no such scope");
    if (rc != MN_OK) return rc;
    if (!mn_scopes_cover(all, want))
        return mn_fail(e, MN_E_USAGE,
                       "a key's scopes are model:list, model:generate and model:embed, or "
                       "model for all of them");
    return MN_OK;
}

static mn_rc make_text(mn_key *ret, mn_err *e)
{
    mn_secret secret;
    MN_TRY(mn_secret_make(&secret, e));
    snprintf(ret->text, sizeof ret->text, MN_KEY_PREFIX "%s", secret.text);
    return MN_OK;
}

static mn_rc check_room(mn_store *s, uint64_t account_id, mn_err *e)
{
    mn_arena ar;
    mn_token *list;
    size_t n = 0;
    mn_arena_init(&ar, 0);
    mn_rc rc = mn_store_keys_of(s, account_id, MN_KEYS_MAX, &ar, &list, &n, e);
    mn_arena_release(&ar);
    if (rc == MN_OK && n >= MN_KEYS_MAX)
        return mn_fail(e, MN_E_LIMIT, "an account has at most %d keys; revoke one first",
                       MN_KEYS_MAX);
    return rc;
}

mn_rc mn_key_make(mn_store *s, uint64_t account_id, mn_str name, mn_str scopes, mn_key *ret,
                  uint64_t *ret_id, mn_err *e)
{
    mn_tx *tx;
    mn_key key;
    char hash[MN_SECRET_HASH];
    if (mn_str_trim(scopes).len == 0) scopes = MN_STR("model");
    MN_TRY(check_name(name, e));
    MN_TRY(check_scopes(scopes, e));
    MN_TRY(check_room(s, account_id, e));
    MN_TRY(make_text(&key, e));
    mn_str text = mn_str_from(key.text);
    mn_token t = {.id = mn_snowflake_next(),
                  .kind = MN_TOKEN_KEY,
                  .account_id = account_id,
                  .scopes = scopes,
                  .created_ms = mn_now_ms(),
                  .name = name,
                  .hint = mn_str_sub(text, text.len - HINT, HINT)};
    MN_TRY(mn_store_begin(s, &tx, e));
    mn_rc rc = mn_store_token_add(tx, mn_secret_hash(text, hash), &t, e);
    MN_TRY(mn_store_end(tx, rc, e));
    *ret = key;
    if (ret_id) *ret_id = t.id;
    return MN_OK;
}

mn_rc mn_keys_of(mn_store *s, uint64_t account_id, mn_arena *ar, mn_token **ret, size_t *ret_n,
                 mn_err *e)
{
    return mn_store_keys_of(s, account_id, MN_KEYS_MAX, ar, ret, ret_n, e);
}

mn_rc mn_key_revoke(mn_store *s, uint64_t account_id, uint64_t id, mn_err *e)
{
    mn_tx *tx;
    mn_arena ar;
    mn_token *list;
    size_t n = 0;
    bool found = false;
    mn_arena_init(&ar, 0);
    mn_rc rc = mn_keys_of(s, account_id, &ar, &list, &n, e);
    for (size_t i = 0; rc == MN_OK && i < n; i++) found = found || list[i].id == id;
    mn_arena_release(&ar);
    if (rc != MN_OK) return rc;
    if (!found) return mn_fail(e, MN_E_NOT_FOUND, "there is no such key");
    MN_TRY(mn_store_begin(s, &tx, e));
    return mn_store_end(tx, mn_store_token_remove(tx, id, e), e);
}
