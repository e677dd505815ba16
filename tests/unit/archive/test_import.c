/* Imports from end to end, into a store in a fresh folder. */
#include "test.h"

#include "archive/import.h"
#include "social/social.h"
#include "store/store.h"

static mn_err e;
static char dir[64];
static mn_store *store;
static mn_arena arena;
static mn_import_report report;

static const char *at(const char *name)
{
    static char path[4][300];
    static int turn;
    turn = (turn + 1) % 4;
    snprintf(path[turn], sizeof path[turn], "%s/%s", dir, name);
    return path[turn];
}
static void put(const char *name, const char *text)
{
    char folder[300];
    snprintf(folder, sizeof folder, "%s", at(name));
    *strrchr(folder, '/') = '\0';
    RUN(mn_fs_mkdirs(folder, &e));
    RUN(mn_fs_write_atomic(at(name), text, strlen(text), &e));
}
static int set_up(void **st)
{
    (void)st;
    test_tmp(dir);
    mn_arena_init(&arena, 0);
    e = (mn_err){0};
    return mn_store_open(at("db"), &store, &e) == MN_OK ? 0 : -1;
}
static int tear_down(void **st)
{
    (void)st;
    mn_import_report_release(&report);
    mn_store_close(store);
    mn_arena_release(&arena);
    test_tmp_remove(dir);
    return 0;
}

static mn_import_opts usual(void)
{
    return (mn_import_opts){.data_dir = dir};
}
static mn_rc import(const char *name, const mn_import_opts *o)
{
    mn_import_opts u = usual();
    mn_import_report_release(&report);
    mn_rc rc = mn_import_run(store, at(name), o ? o : &u, &report, &e);
    uint64_t sum = report.created + report.skipped_existing;
    for (int i = 0; i < MN_SKIPS; i++) sum += report.skipped[i];
    if (rc == MN_OK) assert_int_equal(report.read, sum);
    return rc;
}
static mn_posts scan(void)
{
    mn_posts p = {0};
    RUN(mn_store_posts_scan(store, 0, 1000, &arena, &p, &e));
    return p;
}
static uint64_t count_posts(void)
{
    uint64_t accounts = 0, posts = 0, rev = 0;
    RUN(mn_store_counts(store, &accounts, &posts, &rev, &e));
    return posts;
}
static uint64_t count_accounts(void)
{
    uint64_t accounts = 0, posts = 0, rev = 0;
    RUN(mn_store_counts(store, &accounts, &posts, &rev, &e));
    return accounts;
}
static mn_account account(const char *name)
{
    mn_account a = {0};
    RUN(mn_store_account_by_name(store, mn_str_from(name), &arena, &a, &e));
    return a;
}
/* The post whose text begins so. */
static mn_post post(const char *text)
{
    mn_posts all = scan();
    for (size_t i = 0; i < all.n; i++)
        if (mn_str_starts(all.items[i].text, text)) return all.items[i];
    fail_msg("there is no post '%s'", text);
    return (mn_post){0};
}

/* ---- JSON lines ---------------------------------------------------------------------------------------------------- */

#define LINE(id, more) "{\"id\":\"" id "\",\"created_at\":\"2023-02-18T12:47:39Z\"" more "}\n"

static void json_lines_become_posts(void **st)
{
    (void)st;
    put("p.jsonl",
        LINE("1626926416868519936",
             ",\"text\":\"one "
             "\\u00e4\\n\",\"author\":\"Bob\",\"lang\":\"de\",\"visibility\":\"unlisted\"")
            LINE("b", ",\"text\":\"two\",\"warning\":\"w\",\"sensitive\":true,\"odd\":[1,{"
                      "\"x\":2}]") "\n" LINE("c", ",\"text\":\" \"")
                LINE(
                    "d",
                    ",\"text\":\"gone\",\"deleted\":true") "{\"id\":5,\"created_at\":\"1969-01-"
                                                           "01T00:00:00Z\",\"text\":\"old\"}");
    RUN(import("p.jsonl", NULL));
    OK(report.read == 5 && report.created == 2 && report.skipped[MN_SKIP_EMPTY] == 1);
    OK(report.skipped[MN_SKIP_DELETED] == 1 && report.skipped[MN_SKIP_BAD_TIME] == 1);
    OK(report.n_warnings == 1 && strstr(report.warnings[0], "\"odd\"") != NULL);
    mn_post one = post("one"), two = post("two");
    OK(one.id == UINT64_C(1626926416868519936));
    IS(one.text, "one \u00e4");
    IS(one.account_name, "Bob");
    IS(one.lang, "de");
    IS(one.origin, "jsonl:1626926416868519936");
    OK(one.visibility == MN_VIS_UNLISTED && one.created_ms == INT64_C(1676724459000));
    IS(two.account_name, "imported");
    IS(two.warning, "w");
    OK(two.sensitive && two.consent == 0);
}
static void a_second_import_changes_nothing(void **st)
{
    (void)st;
    put("p.jsonl",
        LINE("a", ",\"text\":\"one\"") LINE("b", ",\"text\":\"two\",\"in_reply_to\":\"a\""));
    RUN(import("p.jsonl", NULL));
    uint64_t accounts, posts, before, after;
    RUN(mn_store_counts(store, &accounts, &posts, &before, &e));
    RUN(import("p.jsonl", NULL));
    RUN(mn_store_counts(store, &accounts, &posts, &after, &e));
    OK(report.created == 0 && report.skipped_existing == 2 && before == after && posts == 2);
    mn_import *list;
    size_t n;
    RUN(mn_store_imports(store, &arena, &list, &n, &e));
    OK(n == 1 && list[0].state == MN_IMPORT_DONE && list[0].created == 2);
}
/* More authors than an import keeps small batches for. */
static void posts_of_thousands_of_authors_come_in_whole(void **st)
{
    (void)st;
    enum { AUTHORS = 2500, PER = 5 };
    mn_buf b;
    char name[32];
    mn_buf_init(&b, 0);
    for (int i = 0; i < AUTHORS * PER; i++)
        mn_buf_addf(&b,
                    "{\"id\":\"p%d\",\"created_at\":\"2023-02-18T12:%02d:%02dZ\","
                    "\"author\":\"a%d\",\"text\":\"post %d\"}\n",
                    i, i / 600 % 60, i / 10 % 60, i * 7 % AUTHORS, i);
    put("many.jsonl", b.ptr);
    mn_buf_release(&b);
    RUN(import("many.jsonl", NULL));
    OK(report.created == AUTHORS * PER && count_accounts() == AUTHORS);
    for (int i = 0; i < AUTHORS; i += 499) {
        snprintf(name, sizeof name, "a%d", i);
        assert_int_equal(account(name).n_posts, PER);
    }
    RUN(import("many.jsonl", NULL));
    OK(report.created == 0 && report.skipped_existing == AUTHORS * PER);
}
static void broken_lines_leave_nothing_behind(void **st)
{
    (void)st;
    static const char *const bad[] = {
        "{\"id\":\"1\"",
        "{\"id\":\"1\",\"created_at\":\"2023-02-18T12:33:11Z\"}",
        "{\"id\":\"1\",\"text\":\"x\"}",
        "{\"created_at\":\"2023-02-18T12:33:11Z\",\"text\":\"x\"}",
        "{\"id\":\"\",\"created_at\":\"2023-02-18T12:33:11Z\",\"text\":\"x\"}",
        "{\"id\":1.5,\"created_at\":\"2023-02-18T12:33:11Z\",\"text\":\"x\"}",
        "{\"id\":\"1\",\"created_at\":\"yesterday\",\"text\":\"x\"}",
        "{\"id\":\"1\",\"created_at\":\"2023-02-18T12:33:11Z\",\"text\":7}",
        "{\"id\":\"1\",\"created_at\":\"2023-02-18T12:33:11Z\",\"text\":\"\xff\"}",
        "{\"id\":\"1\",\"created_at\":\"2023-02-18T12:33:11Z\",\"text\":\"x\",\"consent\":{"
        "\"nope\":\"allow\"}}",
        "{\"id\":\"1\",\"created_at\":\"2023-02-18T12:33:11Z\",\"text\":\"x\",\"visibility\":"
        "\"all\"}",
        "[]",
        "{} x",
        "null"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        mn_buf b;
        mn_buf_init(&b, 0);
        for (int n = 0; n < (i ? 3 : 12000); n++) /* once more than a batch */
            mn_buf_addf(
                &b,
                "{\"id\":\"%d\",\"created_at\":\"2023-02-18T12:33:11Z\",\"text\":\"x%d\"}\n",
                n + 10, n);
        mn_buf_addz(&b, bad[i]);
        put("bad.jsonl", b.ptr);
        mn_buf_release(&b);
        e = (mn_err){0};
        mn_import_opts o = usual();
        o.format = MN_FORMAT_JSONL;
        mn_rc rc = import("bad.jsonl", &o);
        OK(rc == MN_E_PARSE || rc == MN_E_USAGE);
        OK(strstr(e.msg, i ? "line 4" : "line 12001") != NULL);
        OK(count_posts() == 0 && count_accounts() == 0);
    }
}
static void replies_meet_their_parents_in_any_order(void **st)
{
    (void)st;
    /* Ids that are no numbers, children first; a chain, and an answer to somebody who is not here. */
    put("p.jsonl", "{\"id\":\"c\",\"created_at\":\"2023-02-18T12:03:00Z\",\"text\":\"c\",\"in_"
                   "reply_to\":\"b\"}\n"
                   "{\"id\":\"d\",\"created_at\":\"2023-02-18T12:04:00Z\",\"text\":\"d\",\"in_"
                   "reply_to\":\"a\"}\n"
                   "{\"id\":\"b\",\"created_at\":\"2023-02-18T12:02:00Z\",\"text\":\"b\",\"in_"
                   "reply_to\":\"a\"}\n"
                   "{\"id\":\"a\",\"created_at\":\"2023-02-18T12:01:00Z\",\"text\":\"a\"}\n"
                   "{\"id\":\"e\",\"created_at\":\"2023-02-18T12:05:00Z\",\"text\":\"e\",\"in_"
                   "reply_to\":\"zz\"}\n");
    RUN(import("p.jsonl", NULL));
    mn_post a = post("a"), b = post("b"), c = post("c"), d = post("d"), x = post("e");
    OK(a.reply_to == 0 && a.thread_id == a.id);
    OK(b.reply_to == a.id && b.thread_id == a.id);
    OK(c.reply_to == b.id && c.thread_id == a.id);
    OK(d.reply_to == a.id && d.thread_id == a.id);
    OK(x.reply_to == 0 && x.thread_id == x.id);
}
static void numbered_replies_keep_the_number_of_an_absent_parent(void **st)
{
    (void)st;
    put("p.jsonl", LINE("1626926416868519936",
                        ",\"text\":\"child\",\"in_reply_to\":\"1626926416868519900\"")
                       LINE("1626926416868519937",
                            ",\"text\":\"later\",\"in_reply_to\":1626926416868519936"));
    RUN(import("p.jsonl", NULL));
    OK(post("child").reply_to == UINT64_C(1626926416868519900));
    OK(post("later").reply_to == UINT64_C(1626926416868519936));
    OK(post("later").thread_id == post("child").thread_id);
    put("q.jsonl", LINE("1626926416868519900", ",\"text\":\"parent\""));
    RUN(import("q.jsonl", NULL));
    OK(post("later").thread_id == UINT64_C(1626926416868519900));
}
static void consent_comes_with_the_import_or_the_line(void **st)
{
    (void)st;
    put("p.jsonl", LINE("a", ",\"text\":\"one\"")
                       LINE("b", ",\"text\":\"two\",\"consent\":{\"train_generative\":\"deny\","
                                 "\"search\":\"unset\"}"));
    mn_import_opts o = usual();
    o.consent = mn_consents_set(0, MN_P_TRAIN_GENERATIVE, MN_CONSENT_ALLOW);
    RUN(import("p.jsonl", &o));
    mn_post one = post("one"), two = post("two");
    OK(mn_social_allows(&one, 0, MN_P_TRAIN_GENERATIVE));
    OK(!mn_social_allows(&two, 0, MN_P_TRAIN_GENERATIVE));
    OK(!mn_social_allows(&one, 0, MN_P_BULK_DATASET));
    uint64_t lines = 0;
    RUN(mn_store_ledger_verify(store, &lines, &e));
    OK(lines == 2);
}
static void authors_get_accounts_by_their_names(void **st)
{
    (void)st;
    put("p.jsonl", LINE("a", ",\"text\":\"1\",\"author\":\"alice\"")
                       LINE("b", ",\"text\":\"2\",\"author\":\"Alice\"")
                           LINE("c", ",\"text\":\"3\",\"author\":\"Bob's Quotes!\"")
                               LINE("d", ",\"text\":\"4\",\"author\":\"bobs quotes\"")
                                   LINE("e", ",\"text\":\"5\",\"author\":\"admin\"")
                                       LINE("f", ",\"text\":\"6\",\"author\":null"));
    mn_import_opts o = usual();
    o.as = "keeper";
    RUN(import("p.jsonl", &o));
    OK(account("alice").n_posts == 2);
    OK(account("bobs_quotes").n_posts == 1); /* two people whose names come to the same */
    OK(account("bobs_quotes_2").n_posts == 1);
    OK(account("keeper").n_posts == 1);
    OK(count_accounts() == 5);
    OK(account("alice").password_hash.len == 0);
}
/* ---- X --------------------------------------------------------------------------------------------------------------- */

static void put_x(const char *tweets)
{
    put("x/data/manifest.js",
        "window.__THAR_CONFIG = "
        "{\"userInfo\":{\"accountId\":\"7\",\"userName\":\"ann\",\"displayName\":\"Ann\"},"
        "\"dataTypes\":{\"tweets\":{\"mediaDirectory\":\"data/"
        "tweets_media\",\"files\":[{\"fileName\":"
        "\"data/"
        "tweets.js\",\"globalName\":\"YTD.tweets.part0\",\"count\":\"9\"}]},\"noteTweet\":{"
        "\"files\":["
        "{\"fileName\":\"data/note-tweet.js\"}]},\"deletedTweets\":{\"files\":[{\"fileName\":"
        "\"data/deleted-tweets.js\"}]},\"account\":{\"files\":[{\"fileName\":\"data/"
        "account.js\"}]},"
        "\"protectedHistory\":{\"files\":[{\"fileName\":\"data/protected-history.js\"}]}}}");
    put("x/data/account.js", "window.YTD.account.part0 = [ "
                             "{\"account\":{\"email\":\"ann@example.org\",\"username\":\"ann\","
                             "\"accountId\":\"7\",\"createdAt\":\"2010-01-02T03:04:05.000Z\","
                             "\"accountDisplayName\":\"Ann\"}} ]");
    put("x/data/deleted-tweets.js",
        "window.YTD.deleted_tweets.part0 = [ {\"tweet\":{}} , {\"tweet\":{}} ]");
    put("x/data/protected-history.js", "window.YTD.protected_history.part0 = [ ]");
    put("x/data/tweets-part9.js",
        "window.YTD.tweets.part9 = [ this one is stray and never read");
    put("x/data/ip-audit.js", "never opened");
    put("x/data/note-tweet.js",
        "window.YTD.note_tweet.part0 = [ {\"noteTweet\":{\"noteTweetId\":\"1\",\"createdAt\":"
        "\"2023-02-18T12:47:39.000Z\",\"core\":{\"text\":\"A long & winding text "
        "https://t.co/n1 that goes on\","
        "\"urls\":[{\"shortUrl\":\"https://t.co/n1\",\"expandedUrl\":\"https://example.org/"
        "note\"}]}}} ]");
    put("x/data/tweets.js", tweets);
}
#define TWEET(id, text, more)                                                                  \
    "{\"tweet\":{\"id\":\"" id "\",\"id_str\":\"" id                                           \
    "\",\"created_at\":\"Sat Feb 18 12:47:39 +0000 2023\",\"full_text\":\"" text               \
    "\",\"lang\":\"en\",\"retweeted\":false" more "}}"

static void an_x_archive_becomes_posts(void **st)
{
    (void)st;
    put_x("window.YTD.tweets.part0 = [ " TWEET(
        "1626926416868519940", "Reply &amp; quote https://t.co/q",
        ",\"in_reply_to_status_id_str\":\"1626926416868519936\",\"entities\":{\"urls\":[{"
        "\"url\":"
        "\"https://t.co/q\",\"expanded_url\":\"https://twitter.com/bob/status/"
        "123456789012345678?s=20\"}]}") ", " TWEET("1626926416868519936",
                                                   "See &lt;this&gt; https://t.co/a and "
                                                   "https://t.co/m",
                                                   ",\"entities\":{\"urls\":[{\"url\":\"https:/"
                                                   "/t.co/a\",\"expanded_url\":"
                                                   "\"https://example.org/"
                                                   "page\"}]},\"extended_entities\":{\"media\":"
                                                   "[{\"url\":"
                                                   "\"https://t.co/"
                                                   "m\",\"media_url_https\":\"https://"
                                                   "pbs.example/media/"
                                                   "pic.png\",\"ext_alt_text\":"
                                                   "\"a "
                                                   "dot\",\"sizes\":{\"large\":{\"w\":\"1\","
                                                   "\"h\":\"1\"}}}]}") ", " TWEET("162692641686"
                                                                                  "8519937",
                                                                                  "RT @bob: "
                                                                                  "his "
                                                                                  "words\u2026",
                                                                                  "") ","
                                                                                      " " TWEET(
                                                                                          "1626"
                                                                                          "9264"
                                                                                          "1686"
                                                                                          "8519"
                                                                                          "938",
                                                                                          "A "
                                                                                          "long"
                                                                                          " &"
                                                                                          "amp;"
                                                                                          " win"
                                                                                          "ding"
                                                                                          " tex"
                                                                                          "t"
                                                                                          "\u2026 https://t.co/zzz",
                                                                                          "") ", "
                                                                                              "{\"id_str\":\"5\",\"full_text\":\"too early\",\"created_at\":\"Sun Jan 01 00:00:00 +0000 1995\"} ]");
    put("x/data/tweets_media/1626926416868519936-pic.png", "\x89PNG\r\n\x1a\n and so on");
    RUN(import("x", NULL));
    OK(report.created == 3 && report.skipped[MN_SKIP_BOOST] == 1);
    OK(report.skipped[MN_SKIP_DELETED] == 2 && report.skipped[MN_SKIP_BAD_TIME] == 1);
    OK(report.media == 1);
    mn_post see = post("See"), reply = post("Reply"), note = post("A long");
    IS(see.text, "See <this> https://example.org/page and");
    IS(see.account_name, "ann");
    IS(see.origin, "x:1626926416868519936");
    OK(see.visibility == MN_VIS_PUBLIC && see.id == UINT64_C(1626926416868519936));
    OK(reply.reply_to == see.id && reply.thread_id == see.id);
    OK(reply.quote_of == UINT64_C(123456789012345678));
    IS(note.text, "A long & winding text https://example.org/note that goes on");
    mn_media *media;
    size_t n;
    RUN(mn_store_media_of(store, see.id, &arena, &media, &n, &e));
    OK(n == 1 && media[0].width == 1);
    IS(media[0].mime, "image/png");
    IS(media[0].alt, "a dot");
    OK(account("ann").created_ms == INT64_C(1262401445000));
    RUN(import("x", NULL)); /* again: nothing new, no second media row */
    OK(report.created == 0 && report.skipped_existing == 3);
    RUN(mn_store_media_of(store, see.id, &arena, &media, &n, &e));
    OK(n == 1);
}
static void a_protected_account_is_for_followers(void **st)
{
    (void)st;
    put_x("window.YTD.tweets.part0 = [ " TWEET("1626926416868519936", "hidden", "") " ]");
    put("x/data/protected-history.js", "window.YTD.protected_history.part0 = [ "
                                       "{\"protectedHistory\":{\"action\":\"Protect\"}} ]");
    RUN(import("x", NULL));
    OK(post("hidden").visibility == MN_VIS_FOLLOWERS && report.n_warnings == 1);
}
static void a_damaged_x_archive_changes_nothing(void **st)
{
    (void)st;
    put_x("window.YTD.tweets.part0 = [ " TWEET("1626926416868519936", "fine",
                                               "") ", {\"tweet\":{\"id_str\"");
    FAILS(MN_E_PARSE, import("x", NULL));
    OK(strstr(e.msg, "data/tweets.js") != NULL);
    OK(count_posts() == 0 && count_accounts() == 0);
    put_x("window.YTD.tweets.part0 = [ " TWEET("1626926416868519936", "fine",
                                               "") ", {\"tweet\":{}} ]");
    FAILS(MN_E_PARSE, import("x", NULL));
    OK(count_posts() == 0);
}

/* ---- Grailbird ------------------------------------------------------------------------------------------------------- */

static void a_grailbird_archive_becomes_posts(void **st)
{
    (void)st;
    put("g/data/js/tweet_index.js",
        "var tweet_index =  [ "
        "{\"file_name\":\"data/js/tweets/2009_01.js\",\"year\":2009,\"month\":1} ]");
    put("g/data/js/user_details.js",
        "var user_details =  "
        "{\"screen_name\":\"ann\",\"full_name\":\"Ann\",\"bio\":\"hi\",\"id\":\"7\","
        "\"created_at\":\"2008-01-02 03:04:05 +0000\"}");
    put("g/data/js/tweets/2009_02.js", "stray");
    put("g/data/js/tweets/2009_01.js",
        "Grailbird.data.tweets_2009_01 =\n [ "
        "{\"text\":\"second\",\"id\":1101,\"id_str\":\"1101\",\"created_at\":"
        "\"2009-01-31 22:16:18 "
        "+0000\",\"in_reply_to_status_id_str\":\"1100\",\"user\":{\"protected\":false}},"
        "{\"text\":\"first\",\"id\":1100,\"id_str\":\"1100\",\"created_at\":\"2009-01-30 "
        "22:16:18 +0000\",\"user\":"
        "{\"protected\":true}},{\"text\":\"x\",\"id_str\":\"1099\",\"created_at\":\"2009-01-30 "
        "22:16:18 +0000\","
        "\"retweeted_status\":{\"id\":1}} ]");
    RUN(import("g", NULL));
    OK(report.created == 2 && report.skipped[MN_SKIP_BOOST] == 1);
    OK(post("first").id == 1100 && post("first").visibility == MN_VIS_FOLLOWERS);
    OK(post("second").reply_to == 1100 && post("second").thread_id == 1100);
    IS(account("ann").bio, "hi");
    IS(post("first").origin, "x:1100"); /* the newer archive of the same person finds it */
}

/* ---- Mastodon --------------------------------------------------------------------------------------------------------- */

#define PUBLIC "\"https://www.w3.org/ns/activitystreams#Public\""
#define NOTE(n, time, to, cc, more)                                                            \
    "{\"type\":\"Create\",\"actor\":\"https://a.example/users/ann\",\"published\":\"" time     \
    "\",\"object\":{\"id\":\"https://a.example/s/" n                                           \
    "\",\"type\":\"Note\",\"attributedTo\":\"https://a.example/users/"                         \
    "ann\",\"published\":\"" time "\",\"to\":[" to "],\"cc\":[" cc "]" more "}}"

static void put_mastodon(const char *items)
{
    mn_buf b;
    mn_buf_init(&b, 0);
    put("m/actor.json",
        "{\"id\":\"https://a.example/users/"
        "ann\",\"type\":\"Person\",\"preferredUsername\":\"ann\",\"name\":\"Ann\","
        "\"summary\":\"<p>I am "
        "<b>Ann</b></p>\",\"manuallyApprovesFollowers\":true,\"published\":"
        "\"2020-01-01T00:00:00Z\"}");
    mn_buf_addf(&b,
                "{\"@context\":[{\"orderedItems\":[1]}],\"id\":\"outbox.json\",\"type\":"
                "\"OrderedCollection\","
                "\"totalItems\":99,\"orderedItems\":[%s]}",
                items);
    put("m/outbox.json", b.ptr);
    mn_buf_release(&b);
}
static void a_mastodon_archive_becomes_posts(void **st)
{
    (void)st;
    put_mastodon(NOTE("2", "2023-02-18T12:02:00Z", PUBLIC, "", ",\"content\":\"<p>answer</p>\",\"inReplyTo\":\"https://a.example/s/1\"") "," NOTE(
        "1", "2023-02-18T12:01:00Z", PUBLIC, "",
        ",\"content\":\"<p>public<br>&amp; <a "
        "href=\\\"https://example.org/x\\\">link</a></p>\",\"summary\":"
        "\"careful\",\"sensitive\":true,\"contentMap\":{\"en\":\"x\"},\"attachment\":[{"
        "\"type\":"
        "\"Document\",\"mediaType\":\"image/gif\",\"url\":\"/media_attachments/files/1/"
        "p.gif\",\"name\":"
        "\"alt\",\"width\":3,\"height\":4}]") "," NOTE("3", "2023-02-18T12:03:00Z",
                                                       "\"https://a.example/users/ann/"
                                                       "followers\"",
                                                       PUBLIC,
                                                       ",\"content\":\"unlisted\"") "," NOTE("4",
                                                                                             "2"
                                                                                             "0"
                                                                                             "2"
                                                                                             "3"
                                                                                             "-"
                                                                                             "0"
                                                                                             "2"
                                                                                             "-"
                                                                                             "1"
                                                                                             "8"
                                                                                             "T"
                                                                                             "1"
                                                                                             "2"
                                                                                             ":"
                                                                                             "0"
                                                                                             "4"
                                                                                             ":"
                                                                                             "0"
                                                                                             "0"
                                                                                             "Z",
                                                                                             "\"https://a.example/users/ann/followers\"",
                                                                                             "",
                                                                                             ","
                                                                                             "\"content\":\"followers\"") "," NOTE("5",
                                                                                                                                   "2023-02-18T12:05:00Z",
                                                                                                                                   "\"https://b.example/users/bob\"",
                                                                                                                                   "",
                                                                                                                                   ",\"content\":\"secret\"") ","
                                                                                                                                                              "{\"type\":\"Announce\",\"object\":\"https://b.example/s/1\"},{\"type\":\"Like\",\"object\":\"x\"},"
                                                                                                                                                              "{\"type\":\"Create\",\"object\":{\"id\":\"https://a.example/s/6\",\"type\":\"Question\",\"published\":"
                                                                                                                                                              "\"2023-02-18T12:06:00Z\",\"to\":\"as:Public\",\"content\":\"<p>poll</p>\",\"oneOf\":[{\"name\":\"yes\"},"
                                                                                                                                                              "{\"name\":\"no\"}]}},"
                                                                                                                                                              "{\"type\":\"Create\",\"object\":{\"id\":\"https://a.example/s/7\",\"type\":\"Note\",\"attributedTo\":"
                                                                                                                                                              "\"https://b.example/users/bob\",\"to\":\"as:Public\",\"published\":\"2023-02-18T12:06:00Z\",\"content\":"
                                                                                                                                                              "\"not mine\"}}");
    put("m/media_attachments/files/1/p.gif", "GIF89a and so on");
    RUN(import("m", NULL));
    OK(report.read == 9 && report.created == 5 && report.media == 1);
    OK(report.skipped[MN_SKIP_DIRECT] == 1 && report.skipped[MN_SKIP_BOOST] == 1);
    OK(report.skipped[MN_SKIP_NOT_A_POST] == 1 && report.skipped[MN_SKIP_OTHER_AUTHOR] == 1);
    mn_post p = post("public"), a = post("answer");
    IS(p.text, "public\n& link");
    IS(p.warning, "careful");
    IS(p.lang, "en");
    OK(p.sensitive && p.visibility == MN_VIS_PUBLIC);
    OK(a.reply_to == p.id && a.thread_id == p.id);
    OK(post("unlisted").visibility == MN_VIS_UNLISTED &&
       post("followers").visibility == MN_VIS_FOLLOWERS);
    IS(post("poll").text, "poll\n\u25cb yes\n\u25cb no");
    IS(account("ann").bio, "I am Ann");
    OK(account("ann").locked);
    mn_media *media;
    size_t n;
    RUN(mn_store_media_of(store, p.id, &arena, &media, &n, &e));
    OK(n == 1 && media[0].height == 4);
}
/* Posts on their way to the store point to the profile, so nothing may change it any more. */
static void an_outbox_without_an_actor_is_named_by_its_first_activity_only(void **st)
{
    (void)st;
    put("o/outbox.json",
        "{\"orderedItems\":["
        "{\"type\":\"Create\",\"object\":{\"id\":\"https://a.example/1\",\"type\":\"Note\","
        "\"published\":\"2023-02-18T12:47:39Z\",\"content\":\"<p>one</"
        "p>\",\"to\":[\"as:Public\"]}},"
        "{\"type\":\"Create\",\"actor\":\"https://a.example/users/ann\",\"object\":{"
        "\"id\":\"https://a.example/"
        "2\",\"type\":\"Note\",\"published\":\"2023-02-18T12:47:40Z\","
        "\"content\":\"<p>two</p>\",\"to\":[\"as:Public\"]}}]}");
    mn_import_opts o = usual();
    o.format = MN_FORMAT_MASTODON;
    RUN(import("o", &o));
    OK(report.created == 2 && count_accounts() == 1);
    IS(post("one").account_name, "mastodon");
    IS(post("two").account_name, "mastodon");
}
/* Two archives in one folder: the format that is read is read from its own place. */
static void an_archive_beside_another_is_found_where_it_lies(void **st)
{
    (void)st;
    put("two/a/data/tweets.js",
        "window.YTD.tweets.part0 = "
        "[{\"tweet\":{\"id_str\":\"1626926416868519936\",\"created_at\":"
        "\"Sat Feb 18 12:47:39 +0000 2023\",\"full_text\":\"a tweet\"}}]");
    put("two/b/outbox.json", "{\"orderedItems\":[]}");
    RUN(import("two", NULL));
    OK(report.created == 1);
    IS(post("a tweet").origin, "x:1626926416868519936");
}
static void a_cut_outbox_changes_nothing(void **st)
{
    (void)st;
    put_mastodon(NOTE("1", "2023-02-18T12:01:00Z", PUBLIC, "", ",\"content\":\"x\""));
    uint64_t size;
    RUN(mn_fs_size(at("m/outbox.json"), &size, &e));
    OK(truncate(at("m/outbox.json"), (off_t)size - 1) == 0);
    FAILS(MN_E_PARSE, import("m", NULL));
    OK(count_posts() == 0 && count_accounts() == 0);
}
static void an_account_without_origin_may_be_theirs(void **st)
{
    (void)st;
    put("p.jsonl", LINE("a", ",\"text\":\"native\",\"author\":\"ann\""));
    RUN(import("p.jsonl", NULL));
    put_x("window.YTD.tweets.part0 = [ " TWEET("1626926416868519936", "from x", "") " ]");
    RUN(import("x", NULL));
    put_mastodon(NOTE("1", "2023-02-18T12:01:00Z", PUBLIC, "", ",\"content\":\"toot\""));
    RUN(import("m", NULL));
    IS(post("from x").account_name, "ann");
    IS(post("toot").account_name, "ann");
    OK(count_accounts() == 1);
}
static void two_archives_of_one_name_get_two_accounts(void **st)
{
    (void)st;
    put_x("window.YTD.tweets.part0 = [ " TWEET("1626926416868519936", "from x", "") " ]");
    RUN(import("x", NULL));
    put_mastodon(NOTE("1", "2023-02-18T12:01:00Z", PUBLIC, "", ",\"content\":\"toot\""));
    RUN(import("m", NULL));
    IS(post("from x").account_name, "ann");
    IS(post("toot").account_name, "ann_2");
    mn_import_opts o = usual();
    o.as = "ann";
    put_mastodon(NOTE("2", "2023-02-18T12:01:00Z", PUBLIC, "", ",\"content\":\"mine\""));
    RUN(import("m", &o));
    IS(post("mine").account_name, "ann");
}

/* ---- fortunes ------------------------------------------------------------------------------------------------------------ */

static void fortune_files_become_accounts(void **st)
{
    (void)st;
    put("f/words", "First words.\n\t\t-- Somebody\n%\nSecond\nwords\n%\n%\nb\bbo\bol\bld\bd "
                   "and \x1b[31mred\x1b[0m\n");
    put("f/words.dat", "index");
    put("f/ascii-art", "/\\\n%\n\\/\n");
    put("f/off/rude", "rude\n%\nruder\n");
    put("f/latin", "caf\xe9\n%\nplain\n");
    put("f/twin", "twin\n%\nolder\n");
    put("f/twin.u8", "twin\n%\n");
    put("f/sketch", "  /\\_/\\  \n ( o.o ) \n  > ^ <  /\\_/\\ ( o.o ) > ^ < "
                    "=====\n----------------\n%\nA word.\n");
    RUN(import("f", NULL));
    OK(report.created == 6 && report.skipped[MN_SKIP_OFFENSIVE] == 2);
    OK(report.skipped[MN_SKIP_ASCII_ART] == 3 && report.skipped[MN_SKIP_NOT_UTF8] == 1);
    IS(post("First").text, "First words.\n\t\t-- Somebody");
    IS(post("bold").text, "bold and red");
    IS(post("First").account_name, "words");
    OK(account("words").n_posts == 3 && account("words").bot && account("twin").n_posts == 1);
    mn_posts all = scan();
    for (size_t i = 0; i < all.n; i++)
        OK(all.items[i].created_ms >= INT64_C(1761955200000) &&
           all.items[i].created_ms < INT64_C(1793491200000));
    RUN(import("f", NULL));
    OK(report.created == 0 && report.skipped_existing == 6);
    mn_import_opts o = usual();
    o.spread_from_ms = 1000000000000;
    o.spread_to_ms = 1000000001000;
    RUN(import("f",
               &o)); /* other times are other posts: the moments are part of who they are */
    OK(report.created == 6);
}

/* ---- all ------------------------------------------------------------------------------------------------------------------ */

static void unknown_things_are_told_apart(void **st)
{
    (void)st;
    put("n/readme.txt", "nothing");
    FAILS(MN_E_UNSUPPORTED, import("n", NULL));
    put("r/comment_votes.csv", "id,permalink,direction\n");
    FAILS(MN_E_UNSUPPORTED, import("r", NULL));
    OK(strstr(e.msg, "Reddit") != NULL);
    mn_import_format f;
    FAILS(MN_E_UNSUPPORTED, mn_import_format_parse(MN_STR("bluesky"), &f, &e));
    FAILS(MN_E_USAGE, mn_import_format_parse(MN_STR("nope"), &f, &e));
    RUN(mn_import_format_parse(MN_STR("grailbird"), &f, &e));
    OK(f == MN_FORMAT_GRAILBIRD);
    FAILS(MN_E_NOT_FOUND, import("absent", NULL));
}
static void the_report_is_the_promised_object(void **st)
{
    (void)st;
    mn_import_report r = {.read = 3, .created = 1, .skipped_existing = 1};
    r.skipped[MN_SKIP_EMPTY] = 1;
    mn_import_report_warn(&r, "careful \"%d\"", 1);
    mn_buf b;
    mn_buf_init(&b, 0);
    mn_import_report_json(&r, &b);
    assert_string_equal(
        b.ptr, "{\"read\":3,\"created\":1,\"skipped_existing\":1,\"skipped\":{\"empty\":1},"
               "\"warnings\":[\"careful \\\"1\\\"\"]}");
    mn_buf_release(&b);
    mn_import_report_release(&r);
}
static void failing_memory_leaves_nothing_behind(void **st)
{
    (void)st;
    put_mastodon(
        NOTE("1", "2023-02-18T12:01:00Z", PUBLIC, "", ",\"content\":\"one &rarr;\"") "," NOTE(
            "2", "2023-02-18T12:02:00Z", PUBLIC, "",
            ",\"content\":\"two\",\"inReplyTo\":\"https://a.example/s/1\""));
    mn_import_opts o = usual();
    for (long n = 1; n < 400; n += 7) {
        mn_import_report r = {0};
        mn_mem_fail_after(n);
        mn_rc rc = mn_import_run(store, at("m"), &o, &r, &e);
        mn_mem_fail_after(0);
        mn_import_report_release(&r);
        if (rc == MN_OK) break;
        OK(rc == MN_E_NOMEM || rc == MN_E_LIMIT || rc == MN_E_IO);
    }
    RUN(import("m", NULL));
    OK(count_posts() == 2 && count_accounts() == 1);
}
static void the_published_fixtures_are_read(void **st)
{
    (void)st;
    char path[512];
    static const struct {
        const char *name;
        uint64_t read, created;
    } all[] = {{"fixtures/mastodon/fossilizer/mastodon-export.zip", 18, 18},
               {"fixtures/mastodon/fossilizer/mastodon-export.tar.gz", 224, 189},
               {"fixtures/mastodon/fossilizer/outbox.json", 2, 0}};
    mn_import_opts o = usual();
    if (!test_data(all[0].name, path)) SKIP("the shared fixtures are not beside the checkout");
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        mn_import_report r = {0};
        RUN(mn_import_run(store, test_data(all[i].name, path), &o, &r, &e));
        OK(r.read == all[i].read && r.created == all[i].created);
        mn_import_report_release(&r);
    }
}

#define EACH(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
int main(void)
{
    const struct CMUnitTest tests[] = {
        EACH(json_lines_become_posts),
        EACH(a_second_import_changes_nothing),
        EACH(posts_of_thousands_of_authors_come_in_whole),
        EACH(broken_lines_leave_nothing_behind),
        EACH(replies_meet_their_parents_in_any_order),
        EACH(numbered_replies_keep_the_number_of_an_absent_parent),
        EACH(consent_comes_with_the_import_or_the_line),
        EACH(authors_get_accounts_by_their_names),
        EACH(an_x_archive_becomes_posts),
        EACH(a_protected_account_is_for_followers),
        EACH(a_damaged_x_archive_changes_nothing),
        EACH(a_grailbird_archive_becomes_posts),
        EACH(a_mastodon_archive_becomes_posts),
        EACH(an_outbox_without_an_actor_is_named_by_its_first_activity_only),
        EACH(an_archive_beside_another_is_found_where_it_lies),
        EACH(a_cut_outbox_changes_nothing),
        EACH(an_account_without_origin_may_be_theirs),
        EACH(two_archives_of_one_name_get_two_accounts),
        EACH(fortune_files_become_accounts),
        EACH(unknown_things_are_told_apart),
        EACH(the_report_is_the_promised_object),
        EACH(failing_memory_leaves_nothing_behind),
        EACH(the_published_fixtures_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
