/* Schema version 3: the network. One list a subject, in the order of docs/design/store.md. Private to src/store.
 *
 * Ids are snowflakes made by us (mn_snowflake_next), so that ORDER BY id is order of making and pages go by id. Times are
 * milliseconds, 0 for never. What hangs on an account, a post or a list is deleted by the function that deletes that thing.
 */
#include "store/store_int.h"

#define LIST(name) const mn_sql_list mn_store__v3_##name = {name, sizeof name / sizeof *(name)}

/* ---- what accounts and posts have besides -------------------------------------------------------------------------- */

static const char *const columns[] = {
    "ALTER TABLE accounts ADD COLUMN domain TEXT NOT NULL DEFAULT ''", /* '': of this server */
    "ALTER TABLE accounts ADD COLUMN fields TEXT NOT NULL DEFAULT ''", /* JSON [{name,value}] */
    "ALTER TABLE accounts ADD COLUMN settings TEXT NOT NULL DEFAULT ''",    /* JSON object */
    "ALTER TABLE accounts ADD COLUMN avatar_id INTEGER NOT NULL DEFAULT 0", /* media */
    "ALTER TABLE accounts ADD COLUMN header_id INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE accounts ADD COLUMN n_followers INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE accounts ADD COLUMN n_following INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE accounts ADD COLUMN last_post_ms INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE accounts ADD COLUMN discoverable INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE accounts ADD COLUMN hide_follows INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE accounts ADD COLUMN silenced_ms INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE accounts ADD COLUMN sensitized_ms INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE accounts ADD COLUMN disabled_ms INTEGER NOT NULL DEFAULT 0", /* cannot sign in */
    "ALTER TABLE accounts ADD COLUMN suspended_ms INTEGER NOT NULL DEFAULT 0",
    "CREATE INDEX accounts_suspended ON accounts (suspended_ms) WHERE suspended_ms <> 0",
    "CREATE INDEX accounts_domain ON accounts (domain) WHERE domain <> ''",
    "ALTER TABLE accounts ADD COLUMN moved_to INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE accounts ADD COLUMN plan TEXT NOT NULL DEFAULT ''",

    "ALTER TABLE posts ADD COLUMN n_replies INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE posts ADD COLUMN n_boosts INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE posts ADD COLUMN n_favourites INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE posts ADD COLUMN n_quotes INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE posts ADD COLUMN n_media INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE posts ADD COLUMN reply_account INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE posts ADD COLUMN app_id INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE posts ADD COLUMN poll_id INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE posts ADD COLUMN card_id INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE posts ADD COLUMN quote_policy INTEGER NOT NULL DEFAULT 0", /* who may quote it */
    "ALTER TABLE posts ADD COLUMN quote_state INTEGER NOT NULL DEFAULT 0", /* of its own quote */
    "CREATE INDEX posts_boosts ON posts (boost_of, account_id) WHERE boost_of <> 0",
    "CREATE INDEX posts_boosted_by ON posts (account_id, boost_of) WHERE boost_of <> 0",
    "CREATE INDEX posts_quotes ON posts (quote_of, id) WHERE quote_of <> 0",
    /* What an edit replaced besides text and warning; media and poll: JSON, '' for none. */
    "ALTER TABLE post_versions ADD COLUMN sensitive INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE post_versions ADD COLUMN media TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE post_versions ADD COLUMN poll TEXT NOT NULL DEFAULT ''",
    /* The counters of posts made by an earlier version. */
    "CREATE TABLE counting (post_id INTEGER PRIMARY KEY, n INTEGER NOT NULL)",
    "INSERT INTO counting SELECT reply_to, count(*) FROM posts WHERE reply_to <> 0 AND "
    "deleted_ms = 0 AND visibility <= 1 GROUP BY reply_to",
    "UPDATE posts SET n_replies = (SELECT n FROM counting WHERE post_id = posts.id) WHERE id "
    "IN (SELECT post_id FROM counting)",
    "DELETE FROM counting",
    "INSERT INTO counting SELECT boost_of, count(*) FROM posts WHERE boost_of <> 0 AND "
    "deleted_ms = 0 GROUP BY boost_of",
    "UPDATE posts SET n_boosts = (SELECT n FROM counting WHERE post_id = posts.id) WHERE id IN "
    "(SELECT post_id FROM counting)",
    "DELETE FROM counting",
    "INSERT INTO counting SELECT quote_of, count(*) FROM posts WHERE quote_of <> 0 AND "
    "deleted_ms = 0 AND visibility <= 1 GROUP BY quote_of",
    "UPDATE posts SET n_quotes = (SELECT n FROM counting WHERE post_id = posts.id) WHERE id IN "
    "(SELECT post_id FROM counting)",
    "DELETE FROM counting",
    "INSERT INTO counting SELECT post_id, count(*) FROM media WHERE post_id <> 0 GROUP BY "
    "post_id",
    "UPDATE posts SET n_media = (SELECT n FROM counting WHERE post_id = posts.id) WHERE id IN "
    "(SELECT post_id FROM counting)",
    "DROP TABLE counting",
    "UPDATE posts SET reply_account = coalesce((SELECT p.account_id FROM posts p WHERE p.id = "
    "posts.reply_to), 0) WHERE reply_to <> 0",

    "ALTER TABLE media ADD COLUMN created_ms INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE media ADD COLUMN state INTEGER NOT NULL DEFAULT 0", /* 0 ready, 1 waiting, 2 failed */
    "ALTER TABLE media ADD COLUMN use INTEGER NOT NULL DEFAULT 0", /* 0 post, 1 avatar, 2 header, 3 card */
    "ALTER TABLE media ADD COLUMN place INTEGER NOT NULL DEFAULT 0", /* order within its post */
    "ALTER TABLE media ADD COLUMN preview TEXT NOT NULL DEFAULT ''", /* SHA-256 of the small picture, hex */
    "ALTER TABLE media ADD COLUMN preview_mime TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE media ADD COLUMN preview_width INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE media ADD COLUMN preview_height INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE media ADD COLUMN blurhash TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE media ADD COLUMN focus_x INTEGER NOT NULL DEFAULT 0", /* millionths, -1 to 1 */
    "ALTER TABLE media ADD COLUMN focus_y INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE media ADD COLUMN duration_ms INTEGER NOT NULL DEFAULT 0",
    "CREATE INDEX media_account ON media (account_id, id)",
    "CREATE INDEX media_loose ON media (created_ms) WHERE post_id = 0",
    "CREATE INDEX media_file ON media (sha256)",
    "CREATE INDEX media_raw ON media (id) WHERE use = 0 AND blurhash = ''", /* imported */
    "CREATE INDEX media_preview ON media (preview) WHERE preview <> ''",

    "ALTER TABLE follows ADD COLUMN id INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE follows ADD COLUMN boosts INTEGER NOT NULL DEFAULT 1", /* shows their boosts */
    "ALTER TABLE follows ADD COLUMN notify INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE follows ADD COLUMN languages TEXT NOT NULL DEFAULT ''", /* comma-separated */
    "CREATE INDEX follows_by ON follows (follower, id)",
    "CREATE INDEX follows_of ON follows (followee, id)",
    "CREATE INDEX follows_bells ON follows (followee) WHERE notify = 1",
    /* Follows of version 2 get ids of the time they were made, and are counted. */
    "UPDATE follows SET id = CASE WHEN at_ms > 1288834982849 THEN "
    "(at_ms - 1288834974657) * 4194304 + (follower + followee) % 4194304 ELSE "
    "1 + (follower + followee) % 17179869184 END",
    "UPDATE accounts SET n_followers = (SELECT count(*) FROM follows f WHERE f.followee = "
    "accounts.id), n_following = (SELECT count(*) FROM follows f WHERE f.follower = "
    "accounts.id), last_post_ms = coalesce((SELECT p.created_ms FROM posts p WHERE "
    "p.account_id = accounts.id AND p.deleted_ms = 0 ORDER BY p.id DESC LIMIT 1), 0)",
    "CREATE INDEX accounts_active ON accounts (last_post_ms, id) WHERE discoverable = 1 AND "
    "state "
    "= 0",
    "CREATE INDEX accounts_popular ON accounts (n_followers) WHERE discoverable = 1 AND state "
    "= 0",
    "CREATE INDEX accounts_staff ON accounts (id) WHERE role <> 0",
    "CREATE INDEX accounts_newest ON accounts (id) WHERE discoverable = 1 AND state = 0",
    /* Words of display names, folded as store/account_words.c does, to find people by. */
    "CREATE TABLE account_words (word TEXT NOT NULL, account_id INTEGER NOT NULL, "
    "PRIMARY KEY (word, account_id))",
    "CREATE INDEX account_words_account ON account_words (account_id)",
    "INSERT INTO account_words (word, account_id) SELECT substr(lower(display_name), 1, 32), "
    "id FROM accounts WHERE display_name <> '' AND state <> 2",
};
LIST(columns);

/* ---- signing in ---------------------------------------------------------------------------------------------------- */

static const char *const access_tables[] = {
    "CREATE TABLE credentials (account_id INTEGER PRIMARY KEY, email TEXT NOT NULL, "
    "email_key TEXT NOT NULL, email_confirmed_ms INTEGER NOT NULL, approved INTEGER NOT NULL, "
    "totp_secret TEXT NOT NULL, totp_on INTEGER NOT NULL, totp_last INTEGER NOT NULL, "
    "recovery TEXT NOT NULL, reason TEXT NOT NULL, sign_up_ip TEXT NOT NULL, "
    "invite_id INTEGER NOT NULL, locale TEXT NOT NULL, last_seen_ms INTEGER NOT NULL, "
    "must_confirm INTEGER NOT NULL)",
    "CREATE UNIQUE INDEX credentials_email ON credentials (email_key) WHERE email_key <> ''",
    "CREATE INDEX credentials_waiting ON credentials (account_id) WHERE approved = 0",
    "CREATE TABLE identities (provider TEXT NOT NULL, subject TEXT NOT NULL, "
    "account_id INTEGER NOT NULL, at_ms INTEGER NOT NULL, PRIMARY KEY (provider, subject))",
    "CREATE INDEX identities_account ON identities (account_id)",
    "CREATE TABLE invites (id INTEGER PRIMARY KEY, code TEXT NOT NULL, account_id INTEGER NOT "
    "NULL, max_uses INTEGER NOT NULL, uses INTEGER NOT NULL, expires_ms INTEGER NOT NULL, "
    "follow INTEGER NOT NULL)",
    "CREATE UNIQUE INDEX invites_code ON invites (code)",
    "CREATE INDEX invites_account ON invites (account_id)",
    /* Links sent by mail: to confirm an address, to set a new password. */
    "CREATE TABLE email_links (hash TEXT PRIMARY KEY, account_id INTEGER NOT NULL, "
    "kind INTEGER NOT NULL, email TEXT NOT NULL, expires_ms INTEGER NOT NULL)",
    "CREATE INDEX email_links_account ON email_links (account_id)",
    "CREATE TABLE apps (id INTEGER PRIMARY KEY, client_id TEXT NOT NULL, secret_hash TEXT NOT "
    "NULL, name TEXT NOT NULL, website TEXT NOT NULL, redirect_uris TEXT NOT NULL, "
    "scopes TEXT NOT NULL, created_ms INTEGER NOT NULL)",
    "CREATE UNIQUE INDEX apps_client ON apps (client_id)",
    /* Access tokens of apps, sessions of the web app and keys of the model API, by the SHA-256 of what the client holds. name and hint:
     * of a key. */
    "CREATE TABLE tokens (id INTEGER PRIMARY KEY, hash TEXT NOT NULL, kind INTEGER NOT NULL, "
    "app_id INTEGER NOT NULL, account_id INTEGER NOT NULL, scopes TEXT NOT NULL, "
    "created_ms INTEGER NOT NULL, used_ms INTEGER NOT NULL, expires_ms INTEGER NOT NULL, "
    "ip TEXT NOT NULL, agent TEXT NOT NULL, name TEXT NOT NULL, hint TEXT NOT NULL)",
    "CREATE UNIQUE INDEX tokens_hash ON tokens (hash)",
    "CREATE INDEX tokens_account ON tokens (account_id, id)",
    "CREATE INDEX tokens_app ON tokens (app_id)",
    "CREATE INDEX tokens_end ON tokens (expires_ms) WHERE expires_ms <> 0",
    "CREATE TABLE codes (hash TEXT PRIMARY KEY, app_id INTEGER NOT NULL, account_id INTEGER "
    "NOT "
    "NULL, redirect_uri TEXT NOT NULL, scopes TEXT NOT NULL, challenge TEXT NOT NULL, "
    "expires_ms INTEGER NOT NULL, token_id INTEGER NOT NULL)",
    "CREATE INDEX codes_account ON codes (account_id)",
    "CREATE INDEX codes_end ON codes (expires_ms)",
    /* What other servers gave us when we registered there, to let their members sign in here. */
    "CREATE TABLE remote_apps (domain TEXT PRIMARY KEY, client_id TEXT NOT NULL, "
    "client_secret TEXT NOT NULL, created_ms INTEGER NOT NULL)",
    "CREATE TABLE push_subscriptions (token_id INTEGER PRIMARY KEY, id INTEGER NOT NULL, "
    "account_id INTEGER NOT NULL, endpoint TEXT NOT NULL, p256dh TEXT NOT NULL, "
    "auth TEXT NOT NULL, access_token TEXT NOT NULL, alerts INTEGER NOT NULL, policy INTEGER "
    "NOT NULL, "
    "standard INTEGER NOT NULL, created_ms INTEGER NOT NULL)",
    "CREATE INDEX push_account ON push_subscriptions (account_id)",
};
LIST(access_tables);

/* ---- who sees whom --------------------------------------------------------------------------------------------------- */

static const char *const people_tables[] = {
    "CREATE TABLE follow_requests (account_id INTEGER NOT NULL, target_id INTEGER NOT NULL, "
    "id INTEGER NOT NULL, at_ms INTEGER NOT NULL, boosts INTEGER NOT NULL, notify INTEGER NOT "
    "NULL, languages TEXT NOT NULL, PRIMARY KEY (account_id, target_id))",
    "CREATE INDEX follow_requests_target ON follow_requests (target_id, id)",
    "CREATE INDEX follow_requests_by ON follow_requests (account_id, id)",
    "CREATE TABLE blocks (account_id INTEGER NOT NULL, target_id INTEGER NOT NULL, id INTEGER "
    "NOT NULL, at_ms INTEGER NOT NULL, PRIMARY KEY (account_id, target_id))",
    "CREATE INDEX blocks_by ON blocks (account_id, id)",
    "CREATE INDEX blocks_of ON blocks (target_id)",
    "CREATE TABLE mutes (account_id INTEGER NOT NULL, target_id INTEGER NOT NULL, id INTEGER "
    "NOT NULL, at_ms INTEGER NOT NULL, notifications INTEGER NOT NULL, expires_ms INTEGER NOT "
    "NULL, PRIMARY KEY (account_id, target_id))",
    "CREATE INDEX mutes_by ON mutes (account_id, id)",
    "CREATE INDEX mutes_of ON mutes (target_id)",
    "CREATE INDEX mutes_end ON mutes (expires_ms) WHERE expires_ms <> 0",
    "CREATE TABLE account_domain_blocks (account_id INTEGER NOT NULL, domain TEXT NOT NULL, "
    "id INTEGER NOT NULL, PRIMARY KEY (account_id, domain))",
    "CREATE TABLE account_notes (account_id INTEGER NOT NULL, target_id INTEGER NOT NULL, "
    "text TEXT NOT NULL, PRIMARY KEY (account_id, target_id))",
    "CREATE INDEX account_notes_of ON account_notes (target_id)",
    "CREATE TABLE endorsements (account_id INTEGER NOT NULL, target_id INTEGER NOT NULL, "
    "id INTEGER NOT NULL, PRIMARY KEY (account_id, target_id))",
    "CREATE INDEX endorsements_by ON endorsements (account_id, id)",
    "CREATE INDEX endorsements_of ON endorsements (target_id)",
    "CREATE TABLE suggestions_dismissed (account_id INTEGER NOT NULL, target_id INTEGER NOT "
    "NULL, PRIMARY KEY (account_id, target_id))",
    "CREATE INDEX suggestions_dismissed_of ON suggestions_dismissed (target_id)",
    "CREATE TABLE notifications (id INTEGER PRIMARY KEY, account_id INTEGER NOT NULL, "
    "kind INTEGER NOT NULL, from_id INTEGER NOT NULL, post_id INTEGER NOT NULL, "
    "other_id INTEGER NOT NULL, at_ms INTEGER NOT NULL, group_key TEXT NOT NULL, "
    "filtered INTEGER NOT NULL)",
    "CREATE INDEX notifications_account ON notifications (account_id, filtered, id, kind, "
    "from_id)",
    "CREATE INDEX notifications_from ON notifications (from_id, account_id, kind, post_id)",
    "CREATE INDEX notifications_kind ON notifications (account_id, kind, post_id, id)",
    "CREATE INDEX notifications_post ON notifications (post_id) WHERE post_id <> 0",
    "CREATE INDEX notifications_group ON notifications (account_id, group_key, id)",
    "CREATE TABLE notification_policies (account_id INTEGER PRIMARY KEY, not_following INTEGER "
    "NOT NULL, not_followers INTEGER NOT NULL, new_accounts INTEGER NOT NULL, "
    "private_mentions INTEGER NOT NULL, limited_accounts INTEGER NOT NULL)",
    "CREATE TABLE notification_permissions (account_id INTEGER NOT NULL, from_id INTEGER NOT "
    "NULL, PRIMARY KEY (account_id, from_id))",
    "CREATE INDEX notification_permissions_from ON notification_permissions (from_id)",
    "CREATE TABLE notification_requests (id INTEGER PRIMARY KEY, account_id INTEGER NOT NULL, "
    "from_id INTEGER NOT NULL, last_post_id INTEGER NOT NULL, "
    "created_ms INTEGER NOT NULL, updated_ms INTEGER NOT NULL)",
    "CREATE UNIQUE INDEX notification_requests_who ON notification_requests (account_id, "
    "from_id)",
    "CREATE INDEX notification_requests_page ON notification_requests (account_id, id)",
    "CREATE INDEX notification_requests_from ON notification_requests (from_id)",
};
LIST(people_tables);

/* ---- what is done with posts ------------------------------------------------------------------------------------------- */

static const char *const post_tables[] = {
    "CREATE TABLE mentions (post_id INTEGER NOT NULL, account_id INTEGER NOT NULL, "
    "PRIMARY KEY (post_id, account_id))",
    "CREATE INDEX mentions_account ON mentions (account_id, post_id)",
    "CREATE TABLE tags (id INTEGER PRIMARY KEY, name TEXT NOT NULL, display TEXT NOT NULL, "
    "hidden INTEGER NOT NULL, last_used_ms INTEGER NOT NULL)",
    "CREATE UNIQUE INDEX tags_name ON tags (name)", /* lower case, without # */
    "CREATE TABLE post_tags (tag_id INTEGER NOT NULL, post_id INTEGER NOT NULL, "
    "PRIMARY KEY (tag_id, post_id))",
    "CREATE INDEX post_tags_post ON post_tags (post_id)",
    "CREATE TABLE favourites (account_id INTEGER NOT NULL, post_id INTEGER NOT NULL, id "
    "INTEGER "
    "NOT NULL, PRIMARY KEY (account_id, post_id))",
    "CREATE INDEX favourites_by ON favourites (account_id, id)",
    "CREATE INDEX favourites_of ON favourites (post_id, id)",
    "CREATE TABLE bookmarks (account_id INTEGER NOT NULL, post_id INTEGER NOT NULL, id INTEGER "
    "NOT NULL, PRIMARY KEY (account_id, post_id))",
    "CREATE INDEX bookmarks_by ON bookmarks (account_id, id)",
    "CREATE INDEX bookmarks_of ON bookmarks (post_id)",
    "CREATE TABLE pins (account_id INTEGER NOT NULL, post_id INTEGER NOT NULL, id INTEGER NOT "
    "NULL, PRIMARY KEY (account_id, post_id))",
    "CREATE TABLE thread_mutes (account_id INTEGER NOT NULL, thread_id INTEGER NOT NULL, "
    "PRIMARY KEY (account_id, thread_id))",
    "CREATE TABLE polls (id INTEGER PRIMARY KEY, post_id INTEGER NOT NULL, account_id INTEGER "
    "NOT NULL, expires_ms INTEGER NOT NULL, multiple INTEGER NOT NULL, hide_totals INTEGER NOT "
    "NULL, n_voters INTEGER NOT NULL, told INTEGER NOT NULL)",
    "CREATE INDEX polls_due ON polls (expires_ms) WHERE told = 0",
    "CREATE TABLE poll_options (poll_id INTEGER NOT NULL, n INTEGER NOT NULL, title TEXT NOT "
    "NULL, votes INTEGER NOT NULL, PRIMARY KEY (poll_id, n))",
    "CREATE TABLE poll_votes (poll_id INTEGER NOT NULL, account_id INTEGER NOT NULL, "
    "n INTEGER NOT NULL, PRIMARY KEY (poll_id, account_id, n))",
    "CREATE INDEX poll_votes_account ON poll_votes (account_id)",
    "CREATE TABLE scheduled (id INTEGER PRIMARY KEY, account_id INTEGER NOT NULL, at_ms "
    "INTEGER "
    "NOT NULL, params TEXT NOT NULL)",
    "CREATE INDEX scheduled_due ON scheduled (at_ms)",
    "CREATE INDEX scheduled_account ON scheduled (account_id, id)",
    "CREATE TABLE drafts (id INTEGER PRIMARY KEY, account_id INTEGER NOT NULL, updated_ms "
    "INTEGER NOT NULL, params TEXT NOT NULL)",
    "CREATE INDEX drafts_account ON drafts (account_id, id)",
    /* Idempotency-Key: what a repeated request made the first time. */
    "CREATE TABLE idempotency (account_id INTEGER NOT NULL, request TEXT NOT NULL, post_id "
    "INTEGER NOT NULL, at_ms INTEGER NOT NULL, PRIMARY KEY (account_id, request))",
    "CREATE INDEX idempotency_at ON idempotency (at_ms)",
    "CREATE TABLE cards (id INTEGER PRIMARY KEY, url TEXT NOT NULL, fetched_ms INTEGER NOT "
    "NULL, kind INTEGER NOT NULL, title TEXT NOT NULL, description TEXT NOT NULL, "
    "author TEXT NOT NULL, author_url TEXT NOT NULL, provider TEXT NOT NULL, provider_url TEXT "
    "NOT NULL, lang TEXT NOT NULL, image_id INTEGER NOT NULL, width INTEGER NOT NULL, "
    "height INTEGER NOT NULL, published_ms INTEGER NOT NULL)",
    "CREATE UNIQUE INDEX cards_url ON cards (url)",
    "CREATE INDEX posts_card ON posts (card_id, id) WHERE card_id <> 0",
    "CREATE TABLE custom_emoji (shortcode TEXT PRIMARY KEY, file TEXT NOT NULL, still TEXT NOT "
    "NULL, mime TEXT NOT NULL, category TEXT NOT NULL, visible INTEGER NOT NULL, created_ms "
    "INTEGER NOT NULL)",
};
LIST(post_tables);

/* ---- reading --------------------------------------------------------------------------------------------------------- */

static const char *const reading_tables[] = {
    "CREATE TABLE lists (id INTEGER PRIMARY KEY, account_id INTEGER NOT NULL, title TEXT NOT "
    "NULL, replies INTEGER NOT NULL, exclusive INTEGER NOT NULL)",
    "CREATE INDEX lists_account ON lists (account_id, id)",
    "CREATE TABLE list_accounts (list_id INTEGER NOT NULL, account_id INTEGER NOT NULL, "
    "id INTEGER NOT NULL, PRIMARY KEY (list_id, account_id))",
    "CREATE INDEX list_accounts_account ON list_accounts (account_id)",
    "CREATE TABLE followed_tags (account_id INTEGER NOT NULL, tag_id INTEGER NOT NULL, "
    "id INTEGER NOT NULL, PRIMARY KEY (account_id, tag_id))",
    "CREATE INDEX followed_tags_tag ON followed_tags (tag_id)",
    "CREATE TABLE featured_tags (id INTEGER PRIMARY KEY, account_id INTEGER NOT NULL, "
    "tag_id INTEGER NOT NULL)",
    "CREATE UNIQUE INDEX featured_tags_account ON featured_tags (account_id, tag_id)",
    "CREATE TABLE filters (id INTEGER PRIMARY KEY, account_id INTEGER NOT NULL, title TEXT NOT "
    "NULL, context INTEGER NOT NULL, action INTEGER NOT NULL, expires_ms INTEGER NOT NULL)",
    "CREATE INDEX filters_account ON filters (account_id, id)",
    "CREATE TABLE filter_keywords (id INTEGER PRIMARY KEY, filter_id INTEGER NOT NULL, "
    "keyword TEXT NOT NULL, whole_word INTEGER NOT NULL)",
    "CREATE INDEX filter_keywords_filter ON filter_keywords (filter_id, id)",
    "CREATE TABLE filter_posts (id INTEGER PRIMARY KEY, filter_id INTEGER NOT NULL, post_id "
    "INTEGER NOT NULL)",
    "CREATE UNIQUE INDEX filter_posts_filter ON filter_posts (filter_id, post_id)",
    "CREATE INDEX filter_posts_post ON filter_posts (post_id)",
    /* A thread of direct posts, as one of its people sees it. others: their ids, comma-separated. */
    "CREATE TABLE conversations (id INTEGER PRIMARY KEY, account_id INTEGER NOT NULL, "
    "thread_id INTEGER NOT NULL, last_post_id INTEGER NOT NULL, unread INTEGER NOT NULL, "
    "others TEXT NOT NULL)",
    "CREATE UNIQUE INDEX conversations_thread ON conversations (account_id, thread_id)",
    "CREATE INDEX conversations_last ON conversations (account_id, last_post_id)",
    "CREATE INDEX conversations_post ON conversations (last_post_id)",
    "CREATE TABLE markers (account_id INTEGER NOT NULL, timeline TEXT NOT NULL, last_read_id "
    "TEXT NOT NULL, version INTEGER NOT NULL, updated_ms INTEGER NOT NULL, "
    "PRIMARY KEY (account_id, timeline))",
    /* Posts read on a day: who is "a:ACCOUNT" or "i:ADDRESS". */
    "CREATE TABLE readings (who TEXT NOT NULL, day INTEGER NOT NULL, n INTEGER NOT NULL, "
    "PRIMARY KEY (who, day))",
    "CREATE INDEX readings_day ON readings (day)",
};
LIST(reading_tables);

/* ---- moderation -------------------------------------------------------------------------------------------------------- */

static const char *const moderation_tables[] = {
    "CREATE TABLE rules (id INTEGER PRIMARY KEY, place INTEGER NOT NULL, text TEXT NOT NULL, "
    "hint TEXT NOT NULL)",
    "CREATE TABLE reports (id INTEGER PRIMARY KEY, account_id INTEGER NOT NULL, target_id "
    "INTEGER NOT NULL, category INTEGER NOT NULL, comment TEXT NOT NULL, forward INTEGER NOT "
    "NULL, assigned_id INTEGER NOT NULL, created_ms INTEGER NOT NULL, updated_ms INTEGER NOT "
    "NULL, done_ms INTEGER NOT NULL, done_by INTEGER NOT NULL)",
    "CREATE INDEX reports_target ON reports (target_id, id)",
    "CREATE INDEX reports_account ON reports (account_id, id)",
    "CREATE INDEX reports_open ON reports (id) WHERE done_ms = 0",
    "CREATE TABLE report_posts (report_id INTEGER NOT NULL, post_id INTEGER NOT NULL, "
    "PRIMARY KEY (report_id, post_id))",
    "CREATE TABLE report_rules (report_id INTEGER NOT NULL, rule_id INTEGER NOT NULL, "
    "PRIMARY KEY (report_id, rule_id))",
    "CREATE TABLE moderation_notes (id INTEGER PRIMARY KEY, account_id INTEGER NOT NULL, "
    "target_id INTEGER NOT NULL, report_id INTEGER NOT NULL, text TEXT NOT NULL, at_ms INTEGER "
    "NOT NULL)",
    "CREATE INDEX moderation_notes_about ON moderation_notes (target_id, report_id, id)",
    /* What a moderator did to an account; overruled_ms: taken back after an appeal. */
    "CREATE TABLE strikes (id INTEGER PRIMARY KEY, target_id INTEGER NOT NULL, account_id "
    "INTEGER NOT NULL, action INTEGER NOT NULL, text TEXT NOT NULL, report_id INTEGER NOT "
    "NULL, "
    "post_ids TEXT NOT NULL, at_ms INTEGER NOT NULL, overruled_ms INTEGER NOT NULL)",
    "CREATE INDEX strikes_target ON strikes (target_id, id)",
    "CREATE TABLE appeals (id INTEGER PRIMARY KEY, strike_id INTEGER NOT NULL, account_id "
    "INTEGER NOT NULL, text TEXT NOT NULL, at_ms INTEGER NOT NULL, decided_ms INTEGER NOT "
    "NULL, "
    "decided_by INTEGER NOT NULL, granted INTEGER NOT NULL)",
    "CREATE UNIQUE INDEX appeals_strike ON appeals (strike_id)",
    "CREATE INDEX appeals_open ON appeals (strike_id) WHERE decided_ms = 0",
    "CREATE TABLE audit (id INTEGER PRIMARY KEY, account_id INTEGER NOT NULL, action TEXT NOT "
    "NULL, target_kind TEXT NOT NULL, target_id INTEGER NOT NULL, detail TEXT NOT NULL, at_ms "
    "INTEGER NOT NULL)",
    "CREATE INDEX audit_target ON audit (target_kind, target_id, id)",
    "CREATE INDEX audit_account ON audit (account_id, id)",
    "CREATE TABLE domain_blocks (id INTEGER PRIMARY KEY, domain TEXT NOT NULL, severity "
    "INTEGER "
    "NOT NULL, reject_media INTEGER NOT NULL, reject_reports INTEGER NOT NULL, obfuscate "
    "INTEGER NOT NULL, private_comment TEXT NOT NULL, public_comment TEXT NOT NULL, at_ms "
    "INTEGER NOT NULL)",
    "CREATE UNIQUE INDEX domain_blocks_domain ON domain_blocks (domain)",
    "CREATE TABLE domain_allows (id INTEGER PRIMARY KEY, domain TEXT NOT NULL, at_ms INTEGER "
    "NOT NULL)",
    "CREATE UNIQUE INDEX domain_allows_domain ON domain_allows (domain)",
    "CREATE TABLE email_domain_blocks (id INTEGER PRIMARY KEY, domain TEXT NOT NULL, at_ms "
    "INTEGER NOT NULL)",
    "CREATE UNIQUE INDEX email_domain_blocks_domain ON email_domain_blocks (domain)",
    "CREATE TABLE email_blocks (id INTEGER PRIMARY KEY, hash TEXT NOT NULL, at_ms INTEGER NOT "
    "NULL)",
    "CREATE UNIQUE INDEX email_blocks_hash ON email_blocks (hash)",
    "CREATE TABLE ip_blocks (id INTEGER PRIMARY KEY, ip TEXT NOT NULL, severity INTEGER NOT "
    "NULL, comment TEXT NOT NULL, expires_ms INTEGER NOT NULL, at_ms INTEGER NOT NULL)",
    "CREATE UNIQUE INDEX ip_blocks_ip ON ip_blocks (ip)",
    "CREATE TABLE word_filters (id INTEGER PRIMARY KEY, pattern TEXT NOT NULL, kind INTEGER "
    "NOT "
    "NULL, action INTEGER NOT NULL, comment TEXT NOT NULL, at_ms INTEGER NOT NULL)",
    "CREATE TABLE announcements (id INTEGER PRIMARY KEY, text TEXT NOT NULL, starts_ms INTEGER "
    "NOT NULL, ends_ms INTEGER NOT NULL, all_day INTEGER NOT NULL, published_ms INTEGER NOT "
    "NULL, updated_ms INTEGER NOT NULL)",
    "CREATE TABLE announcement_reads (announcement_id INTEGER NOT NULL, account_id INTEGER NOT "
    "NULL, PRIMARY KEY (announcement_id, account_id))",
    "CREATE TABLE announcement_reactions (announcement_id INTEGER NOT NULL, name TEXT NOT "
    "NULL, "
    "account_id INTEGER NOT NULL, PRIMARY KEY (announcement_id, name, account_id))",
};
LIST(moderation_tables);

/* ---- moving, and what was done with posts -------------------------------------------------------------------------------- */

static const char *const moving_tables[] = {
    /* An import or export that a member asked for. */
    "CREATE TABLE transfers (id INTEGER PRIMARY KEY, account_id INTEGER NOT NULL, kind TEXT "
    "NOT "
    "NULL, state INTEGER NOT NULL, done INTEGER NOT NULL, total INTEGER NOT NULL, file TEXT "
    "NOT "
    "NULL, report TEXT NOT NULL, created_ms INTEGER NOT NULL, ended_ms INTEGER NOT NULL)",
    "CREATE INDEX transfers_account ON transfers (account_id, id)",
    /* Brought along, and its account or post is not here (store/transfers.h). */
    "CREATE TABLE brought (account_id INTEGER NOT NULL, kind TEXT NOT NULL, ref TEXT NOT NULL, "
    "data TEXT NOT NULL, PRIMARY KEY (account_id, kind, ref))",
    "CREATE INDEX brought_ref ON brought (kind, ref)",
    /* A post that was used: kind "answer", "model", "licensee" …; ref says which. */
    "CREATE TABLE uses (post_id INTEGER NOT NULL, kind TEXT NOT NULL, ref TEXT NOT NULL, "
    "account_id INTEGER NOT NULL, n INTEGER NOT NULL, last_ms INTEGER NOT NULL, "
    "PRIMARY KEY (post_id, kind, ref))",
    "CREATE INDEX uses_account ON uses (account_id, last_ms)",
    /* Conversations with a language model (store/chats.h). */
    "CREATE TABLE chats (id INTEGER PRIMARY KEY, account_id INTEGER NOT NULL, head INTEGER NOT "
    "NULL, title TEXT NOT NULL, model TEXT NOT NULL, system TEXT NOT NULL, created_ms INTEGER "
    "NOT NULL, updated_ms INTEGER NOT NULL)",
    "CREATE INDEX chats_account ON chats (account_id, updated_ms)",
    "CREATE TABLE chat_turns (id INTEGER PRIMARY KEY, chat_id INTEGER NOT NULL, parent INTEGER "
    "NOT NULL, role INTEGER NOT NULL, content TEXT NOT NULL, model TEXT NOT NULL, created_ms "
    "INTEGER NOT NULL, tokens INTEGER NOT NULL, ended INTEGER NOT NULL)",
    "CREATE INDEX chat_turns_chat ON chat_turns (chat_id, id)",
};
LIST(moving_tables);
