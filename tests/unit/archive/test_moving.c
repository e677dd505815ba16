/* Everything of an account out, into an empty server, and out again: the same bytes where docs/design/moving.md says so. */
#include "test.h"

#include "archive/import.h"
#include "archive/moving.h"
#include "archive/source.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/snowflake.h"
#include "social/people.h"
#include "social/social.h"
#include "store/chats.h"
#include "store/lists.h"
#include "store/marks.h"
#include "store/media.h"
#include "store/polls.h"

typedef struct server {
    char dir[64], db[128];
    mn_store *s;
    mn_place place;
} server;

static server a, b, c;
static mn_arena ar;
static mn_err e;
static uint64_t ada, bob, cleo;

static void open_server(server *v, const char *domain, const char *base)
{
    snprintf(v->db, sizeof v->db, "%s/mynah.db", test_tmp(v->dir));
    RUN(mn_store_open(v->db, &v->s, &e));
    v->place = (mn_place){v->s, domain, base, v->dir};
}
static void close_server(server *v)
{
    mn_store_close(v->s);
    test_tmp_remove(v->dir);
}
static int set_up(void **state)
{
    (void)state;
    e = (mn_err){0};
    mn_arena_init(&ar, 0);
    open_server(&a, "a.example", "https://a.example");
    open_server(&b, "b.example", "https://b.example");
    open_server(&c, "c.example", "https://c.example");
    return 0;
}
static int tear_down(void **state)
{
    (void)state;
    close_server(&a);
    close_server(&b);
    close_server(&c);
    mn_arena_release(&ar);
    return 0;
}

static uint64_t make(server *v, const char *name)
{
    uint64_t id = 0;
    RUN(mn_social_account_create(v->s, mn_str_from(name), mn_str_from(name), MN_ROLE_MEMBER, "",
                                 NULL, &id, &e));
    return id;
}

/* A post written on a, with what is given and the rest filled in. */
static uint64_t post(mn_post p)
{
    mn_tx *tx;
    p.id = mn_snowflake_next();
    p.created_ms = mn_now_ms();
    if (!p.account_id) p.account_id = ada;
    if (!p.text.ptr) p.text = MN_STR("");
    RUN(mn_store_begin(a.s, &tx, &e));
    RUN(mn_store_post_add(tx, &p, &e));
    RUN(mn_store_commit(tx, &e));
    return p.id;
}

static uint64_t put_picture(uint64_t post_id, mn_media_use use, const char *alt)
{
    mn_tx *tx;
    char path[300], hex[MN_HEX256];
    static const char png[] = "\x89PNG\r\n\x1a\nno picture, but as good as one here";
    mn_media m = {.id = mn_snowflake_next(),
                  .post_id = post_id,
                  .account_id = ada,
                  .mime = MN_STR("image/png"),
                  .alt = mn_str_from(alt),
                  .size_bytes = sizeof png,
                  .use = use,
                  .created_ms = mn_now_ms(),
                  .focus_x = 250000,
                  .focus_y = -500000,
                  .preview = MN_STR(""),
                  .preview_mime = MN_STR(""),
                  .blurhash = MN_STR("")};
    mn_sha256_of(png, sizeof png, m.sha256);
    mn_hex(m.sha256, 32, hex);
    snprintf(path, sizeof path, "%s/media/%.2s", a.dir, hex);
    RUN(mn_fs_mkdirs(path, &e));
    snprintf(path, sizeof path, "%s/media/%.2s/%s", a.dir, hex, hex);
    RUN(mn_fs_write_atomic(path, png, sizeof png, &e));
    RUN(mn_store_begin(a.s, &tx, &e));
    RUN(mn_store_media_add(tx, &m, &e));
    if (use != MN_MEDIA_POST) RUN(mn_store_account_picture_set(tx, ada, use, m.id, &e));
    RUN(mn_store_commit(tx, &e));
    return m.id;
}

static void add_poll(void)
{
    mn_tx *tx;
    mn_poll p = {.id = mn_snowflake_next(),
                 .account_id = ada,
                 .expires_ms = mn_now_ms() + 60000,
                 .multiple = true,
                 .n_options = 2,
                 .options = {{.title = MN_STR("tea, \"green\"")}, {.title = MN_STR("coffee")}}};
    p.post_id = post((mn_post){.text = MN_STR("which?"), .poll_id = p.id});
    RUN(mn_store_begin(a.s, &tx, &e));
    RUN(mn_store_poll_add(tx, &p, &e));
    RUN(mn_store_poll_vote(tx, p.id, bob, 3, &e));
    RUN(mn_store_poll_vote(tx, p.id, cleo, 1, &e));
    RUN(mn_store_commit(tx, &e));
}

static void write_profile(void)
{
    mn_tx *tx;
    mn_account x;
    RUN(mn_store_account_by_id(a.s, ada, &ar, &x, &e));
    x.display_name = MN_STR("Ada \u2728");
    x.bio = MN_STR("Two\n\nparagraphs & <tags>");
    x.locked = x.discoverable = true;
    mn_field f = {.name = MN_STR("site"), .value = MN_STR("https://ada.example")};
    x.fields = mn_social_fields_write(&f, 1, &ar);
    RUN(mn_store_begin(a.s, &tx, &e));
    RUN(mn_store_account_update(tx, &x, &e));
    RUN(mn_store_commit(tx, &e));
    RUN(mn_social_consent_set(a.s, MN_SCOPE_ACCOUNT, ada, MN_P_SEARCH, MN_CONSENT_ALLOW, ada,
                              MN_STR("my wish"), &e));
}

static void relate(void)
{
    mn_tx *tx;
    mn_follow_opts o = {.has_boosts = true,
                        .boosts = false,
                        .has_languages = true,
                        .languages = MN_STR("en,fr")};
    mn_list l = {.id = mn_snowflake_next(),
                 .account_id = ada,
                 .title = MN_STR("near, and dear"),
                 .exclusive = true};
    bool changed;
    RUN(mn_store_begin(a.s, &tx, &e));
    RUN(mn_social_follow(tx, ada, bob, &o, NULL, &e));
    RUN(mn_social_block(tx, ada, cleo, &e));
    RUN(mn_social_mute(tx, ada, bob, false, 0, &e));
    RUN(mn_social_domain_block(tx, ada, MN_STR("spam.example"), true, &e));
    RUN(mn_store_list_add(tx, &l, &e));
    RUN(mn_store_list_member_set(tx, l.id, bob, true, &changed, &e));
    RUN(mn_store_commit(tx, &e));
}

static void mark(mn_mark m, uint64_t id)
{
    mn_tx *tx;
    bool changed;
    RUN(mn_store_begin(a.s, &tx, &e));
    RUN(mn_store_mark_set(tx, m, ada, id, true, &changed, &e));
    RUN(mn_store_commit(tx, &e));
}

static void edit(uint64_t id, const char *text)
{
    mn_tx *tx;
    mn_post_change ch = {.id = id,
                         .text = mn_str_from(text),
                         .warning = MN_STR("careful"),
                         .lang = MN_STR("en"),
                         .at_ms = mn_now_ms() + 5,
                         .sensitive = 1,
                         .poll_id = -1,
                         .was_media = MN_STR("[]"),
                         .was_poll = MN_STR("")};
    RUN(mn_store_begin(a.s, &tx, &e));
    RUN(mn_store_post_change(tx, &ch, &e));
    RUN(mn_store_commit(tx, &e));
}

/* A chat with a question and an answer; all numbers begin at `first`. */
static void talk(server *v, uint64_t account, uint64_t first, const char *question)
{
    mn_tx *tx;
    mn_chat chat = {.id = first,
                    .account_id = account,
                    .title = MN_STR("of birds"),
                    .model = MN_STR(""),
                    .system = MN_STR("be kind")};
    mn_chat_turn said = {.id = first + 10,
                         .chat_id = first,
                         .content = mn_str_from(question),
                         .model = MN_STR(""),
                         .created_ms = 5};
    mn_chat_turn answer = {.id = first + 11,
                           .chat_id = first,
                           .parent = first + 10,
                           .role = MN_CHAT_MODEL,
                           .content = MN_STR("fruit"),
                           .model = MN_STR("smollm2"),
                           .created_ms = 6,
                           .tokens = 2,
                           .end = MN_CHAT_LENGTH};
    RUN(mn_store_begin(v->s, &tx, &e));
    RUN(mn_store_chat_add(tx, &chat, &e));
    RUN(mn_store_chat_turn_add(tx, account, &said, &e));
    RUN(mn_store_chat_turn_add(tx, account, &answer, &e));
    RUN(mn_store_commit(tx, &e));
}

/* Everything that an account can have. */
static void live(void)
{
    ada = make(&a, "ada");
    bob = make(&a, "bob");
    cleo = make(&a, "cleo");
    write_profile();
    uint64_t first =
        post((mn_post){.text = MN_STR("hello\n\n#world & <all>"),
                       .lang = MN_STR("en"),
                       .consent = mn_consents_set(0, MN_P_TRAIN_GENERATIVE, MN_CONSENT_ALLOW)});
    uint64_t of_bob = post((mn_post){.account_id = bob, .text = MN_STR("bob says")});
    uint64_t answer = post((mn_post){.text = MN_STR("@bob yes"), .reply_to = of_bob});
    post((mn_post){
        .text = MN_STR("a thread"), .reply_to = first, .visibility = MN_VIS_UNLISTED});
    uint64_t secret =
        post((mn_post){.text = MN_STR("@bob between us"), .visibility = MN_VIS_DIRECT});
    post((mn_post){.text = MN_STR("for friends"),
                   .visibility = MN_VIS_FOLLOWERS,
                   .quote_policy = MN_QUOTES_NOBODY});
    post((mn_post){.text = MN_STR("look"), .quote_of = of_bob});
    post((mn_post){.boost_of = of_bob});
    post((mn_post){.boost_of = first});
    edit(first, "hello again\n#world");
    edit(first, "hello, third time");
    add_poll();
    put_picture(first, MN_MEDIA_POST, "a picture \"of\" nothing");
    put_picture(0, MN_MEDIA_AVATAR, "");
    mn_tx *tx;
    uint64_t who[1] = {bob};
    RUN(mn_store_begin(a.s, &tx, &e));
    RUN(mn_store_mentions_set(tx, answer, who, 1, &e));
    RUN(mn_store_mentions_set(tx, secret, who, 1, &e));
    RUN(mn_store_commit(tx, &e));
    relate();
    mark(MN_MARK_BOOKMARK, of_bob);
    mark(MN_MARK_BOOKMARK, first);
    mark(MN_MARK_FAVOURITE, of_bob);
    mark(MN_MARK_PIN, answer);
    mark(MN_MARK_PIN, first);
    talk(&a, ada, 100, "what do mynahs \"eat\"?");
    talk(&a, bob, 200, "bob's secret");
}

/* ---- archives ------------------------------------------------------------------------------------------------------ */

static const char *file_of(const server *v, const char *name)
{
    static char path[6][200];
    static int turn;
    turn = (turn + 1) % 6;
    snprintf(path[turn], sizeof path[turn], "%s/%s", v->dir, name);
    return path[turn];
}

static const char *export(server *v, const char *name)
{
    mn_account x;
    mn_export_report r;
    const char *path = file_of(v, "out.zip");
    RUN(mn_store_account_by_name(v->s, mn_str_from(name), &ar, &x, &e));
    RUN(mn_export_run(&v->place, x.id, path, NULL, NULL, &r, &e));
    assert_int_equal(r.missing, 0);
    return path;
}

static mn_import_report bring(server *v, const char *path)
{
    mn_import_report r = {0};
    mn_import_opts o = {.data_dir = v->dir, .domain = v->place.domain, .base = v->place.base};
    RUN(mn_import_run(v->s, path, &o, &r, &e));
    assert_int_equal(r.read, r.created + r.skipped_existing);
    return r;
}

/* One entry's contents, MN_STR_NONE when there is none of that name. */
static mn_str entry(const char *path, const char *wanted)
{
    mn_source *src;
    mn_str name, ret = MN_STR_NONE;
    bool more = true;
    mn_buf buf;
    RUN(mn_source_open(path, NULL, &src, &e));
    while (!ret.ptr) {
        RUN(mn_source_next(src, &name, &more, &e));
        if (!more) break;
        if (!mn_str_eqz(name, wanted)) continue;
        mn_buf_init(&buf, 0);
        char block[4096];
        for (size_t got = 1; got;) {
            RUN(mn_source_read(src, block, sizeof block, &got, &e));
            mn_buf_add(&buf, block, got);
        }
        ret = mn_str_dup(&ar, mn_buf_str(&buf));
        mn_buf_release(&buf);
    }
    mn_source_close(src);
    return ret;
}

static const char *const canonical[] = {"mynah/account.json", "mynah/relations.jsonl",
                                        "mynah/posts.jsonl", "mynah/boosts.jsonl",
                                        "mynah/chats.jsonl"};

static void same_canonical(const char *one, const char *two)
{
    for (size_t i = 0; i < sizeof canonical / sizeof *canonical; i++) {
        mn_str x = entry(one, canonical[i]), y = entry(two, canonical[i]);
        assert_non_null(x.ptr);
        assert_non_null(y.ptr);
        if (!mn_str_eq(x, y))
            fail_msg("%s differs:\n%.*s\n----\n%.*s", canonical[i], MN_STR_FMT(x),
                     MN_STR_FMT(y));
    }
}

static bool holds(mn_str text, const char *what)
{
    return mn_str_find(text, mn_str_from(what), 0) != SIZE_MAX;
}

/* ---- tests --------------------------------------------------------------------------------------------------------- */

static void an_empty_server_gives_back_what_it_was_brought(void **state)
{
    (void)state;
    live();
    const char *first = export(&a, "ada");
    mn_import_report r = bring(&b, first);
    assert_int_equal(r.n_warnings, 0);
    assert_int_equal(r.media, 2);
    const char *second = export(&b, "ada");
    same_canonical(first, second);
    bring(&c, second);
    same_canonical(second, export(&c, "ada"));
    mn_import_report_release(&r);
}

/* Written and read by nobody but the member, they come along. */
static void conversations_with_models_come_along(void **state)
{
    (void)state;
    live();
    mn_str chats = entry(export(&a, "ada"), "mynah/chats.jsonl");
    IS(chats, "{\"chat\":\"100\",\"title\":\"of birds\",\"model\":\"\",\"system\":\"be "
              "kind\",\"head\":\"111\",\"created_ms\":0,\"updated_ms\":6}\n"
              "{\"turn\":\"110\",\"parent\":\"0\",\"role\":\"user\",\"content\":\"what do "
              "mynahs \\\"eat\\\"?\",\"created_ms\":5}\n"
              "{\"turn\":\"111\",\"parent\":\"110\",\"role\":\"assistant\",\"content\":"
              "\"fruit\",\"model\":\"smollm2\",\"tokens\":2,\"end\":\"length\","
              "\"created_ms\":6}\n");
}

/* ada's conversation, brought to v, is hers and whole, under numbers of its own. */
static void came_under_fresh_numbers(server *v, bool chat_too)
{
    mn_chat *got;
    mn_chat_turn *t;
    mn_account x;
    size_t n;
    bring(v, export(&a, "ada"));
    RUN(mn_store_account_by_name(v->s, MN_STR("ada"), &ar, &x, &e));
    RUN(mn_store_chats_by_id(v->s, x.id, 0, 10, &ar, &got, &n, &e));
    assert_int_equal(n, 1);
    assert_int_equal(got[0].id != 100, chat_too);
    RUN(mn_store_chat_turns(v->s, got[0].id, &ar, &t, &n, &e));
    assert_int_equal(n, 2);
    IS(t[0].content, "what do mynahs \"eat\"?");
    OK(t[0].id > 1000 && t[1].parent == t[0].id && got[0].head == t[1].id);
    assert_int_equal(got[0].updated_ms, 6);
}

/* Numbers that others have here are not taken from them. */
static void conversations_keep_clear_of_other_peoples(void **state)
{
    (void)state;
    mn_chat_turn *t;
    size_t n;
    live();
    talk(&b, make(&b, "dora"), 100, "dora's own");
    came_under_fresh_numbers(&b, true);
    RUN(mn_store_chat_turns(b.s, 100, &ar, &t, &n, &e));
    assert_int_equal(n, 2);
    IS(t[0].content, "dora's own");
    talk(&c, make(&c, "dora"), 99, "her answer is number 110");
    came_under_fresh_numbers(&c, false);
}

static void nothing_of_it_is_lost_on_the_way(void **state)
{
    (void)state;
    live();
    mn_str posts = entry(export(&a, "ada"), "mynah/posts.jsonl");
    OK(holds(posts, "hello, third time"));
    OK(holds(posts, "hello again")); /* an earlier version */
    OK(holds(posts, "\"visibility\":\"direct\""));
    OK(holds(posts, "bob@a.example")); /* who is mentioned */
    OK(holds(posts, "\"votes\":2"));
    OK(holds(posts, "\"train_generative\":\"allow\""));
    OK(holds(posts, "\"focus_x\":250000"));
    mn_str rel = entry(file_of(&a, "out.zip"), "mynah/relations.jsonl");
    OK(holds(rel, "{\"kind\":\"follow\",\"ref\":\"bob@a.example\",\"boosts\":false,"
                  "\"notify\":false,\"languages\":\"en,fr\"}"));
    OK(holds(rel, "{\"kind\":\"block\",\"ref\":\"cleo@a.example\"}"));
    OK(holds(rel, "{\"kind\":\"domain\",\"ref\":\"spam.example\"}"));
    OK(holds(rel, "near, and dear\\nbob@a.example"));
    OK(holds(rel, "\"kind\":\"pin\""));
    mn_str consent = entry(file_of(&a, "out.zip"), "mynah/consent.json");
    OK(holds(consent, "\"reason\":\"my wish\""));
    OK(holds(consent, "\"hash\":\""));
}

static void receipts_of_the_old_server_are_kept_as_what_it_said(void **state)
{
    (void)state;
    live();
    bring(&b, export(&a, "ada"));
    uint64_t lines = 0;
    RUN(mn_store_ledger_verify(b.s, &lines, &e));
    OK(lines >= 2);
    mn_str consent = entry(export(&b, "ada"), "mynah/consent.json");
    OK(holds(consent, "brought along from a.example"));
    OK(holds(consent, "\"domain\":\"a.example\",\"seq\":"));
    OK(holds(consent, "my wish"));
}

static void bringing_it_twice_or_home_changes_nothing(void **state)
{
    (void)state;
    live();
    const char *out = export(&a, "ada");
    mn_import_report home = bring(&a, out);
    assert_int_equal(home.created, 0);
    bring(&b, out);
    mn_import_report again = bring(&b, out);
    assert_int_equal(again.created, 0);
    same_canonical(out, export(&b, "ada"));
}

static void mastodons_files_hold_what_everybody_reads(void **state)
{
    (void)state;
    mn_json *j = NULL;
    live();
    const char *out = export(&a, "ada");
    RUN(mn_json_parse(entry(out, "actor.json"), &ar, &j, &e));
    IS(mn_json_str(mn_json_get(j, "preferredUsername")), "ada");
    IS(mn_json_str(mn_json_get(mn_json_get(j, "icon"), "url")), "avatar.png");
    OK(entry(out, "avatar.png").len > 8);
    RUN(mn_json_parse(entry(out, "outbox.json"), &ar, &j, &e));
    const mn_json *items = mn_json_get(j, "orderedItems");
    assert_int_equal(items->n, mn_json_u64(mn_json_get(j, "totalItems"), 0));
    const mn_json *first = mn_json_get(items->items[0], "object");
    IS(mn_json_str(mn_json_get(first, "content")), "<p>hello, third time</p>");
    IS(mn_json_str(mn_json_get(first, "summary")), "careful");
    mn_str url =
        mn_json_str(mn_json_get(mn_json_at(mn_json_get(first, "attachment"), 0), "url"));
    OK(entry(out, mn_str_dup(&ar, url).ptr + 1).len > 8);
    OK(holds(entry(out, "outbox.json"), "\"type\":\"Question\""));
    OK(holds(entry(out, "outbox.json"), "\"type\":\"Announce\""));
    RUN(mn_json_parse(entry(out, "likes.json"), &ar, &j, &e));
    OK(mn_str_starts(mn_json_str(mn_json_at(mn_json_get(j, "orderedItems"), 0)),
                     "https://a.example/users/bob/statuses/"));
    IS(entry(out, "following_accounts.csv"),
       "Account address,Show boosts,Notify on new posts,Languages\n"
       "bob@a.example,false,false,\"en, fr\"\n");
    IS(entry(out, "blocked_accounts.csv"), "cleo@a.example\n");
    IS(entry(out, "muted_accounts.csv"),
       "Account address,Hide notifications\nbob@a.example,false\n");
    IS(entry(out, "blocked_domains.csv"), "spam.example\n");
    IS(entry(out, "lists.csv"), "\"near, and dear\",bob@a.example\n");
}

static void the_same_account_gives_the_same_archive(void **state)
{
    (void)state;
    uint8_t one[32], two[32];
    live();
    RUN(mn_sha256_file(export(&a, "ada"), one, &e));
    RUN(mn_sha256_file(export(&a, "ada"), two, &e));
    OK(!memcmp(one, two, 32));
}

/* ---- archives that are not what they say ---------------------------------------------------------------------------- */

static void put(const char *name, const char *text)
{
    char path[300], folder[300];
    snprintf(path, sizeof path, "%s/forged/%s", b.dir, name);
    snprintf(folder, sizeof folder, "%s", path);
    *strrchr(folder, '/') = '\0';
    RUN(mn_fs_mkdirs(folder, &e));
    RUN(mn_fs_write_atomic(path, text, strlen(text), &e));
}

#define LINE(id, at, more)                                                                     \
    "{\"id\":\"" id "\",\"origin\":\"mynah:a.example/eve/" id "\",\"created_ms\":" at          \
    ",\"visibility\":\"public\",\"text\":\"t\"" more "}\n"

/* Brings a folder with these posts; the posts that eve then has. */
static uint64_t bring_forged(const char *posts, const char *boosts, mn_rc *ret, mn_posts *list)
{
    mn_account eve = {0};
    mn_import_report r = {0};
    mn_import_opts o = {.data_dir = b.dir, .domain = "b.example", .base = "https://b.example"};
    put("mynah/manifest.json", "{\"format\":1,\"domain\":\"a.example\"}");
    put("mynah/account.json", "{\"name\":\"eve\"}");
    put("mynah/posts.jsonl", posts);
    put("mynah/boosts.jsonl", boosts);
    *ret = mn_import_run(b.s, file_of(&b, "forged"), &o, &r, &e);
    mn_import_report_release(&r);
    mn_rc rc = mn_store_account_by_name(b.s, MN_STR("eve"), &ar, &eve, &e);
    if (rc == MN_E_NOT_FOUND) return 0;
    RUN(mn_store_posts_by_account(b.s, eve.id, MN_VIS_DIRECT, 0, 100, &ar, list, &e));
    return eve.n_posts;
}

#define CHAT(id, head) "{\"chat\":\"" id "\",\"head\":\"" head "\"}\n"
#define TURN(id, parent)                                                                       \
    "{\"turn\":\"" id "\",\"parent\":\"" parent "\",\"role\":\"user\",\"content\":\"c\"}\n"

/* What came before it stays, of the broken one nothing. */
static void a_broken_conversation_is_named(void **state)
{
    (void)state;
    static const struct {
        const char *text, *says;
        size_t n_kept;
    } files[] = {
        {CHAT("1", "3") TURN("3", "0") CHAT("x", "0"), "line 3: \"chat\" must be", 1},
        {TURN("3", "0"), "line 1: a turn stands before every conversation", 1},
        {CHAT("5", "6") TURN("6", "0") CHAT("7", "0") TURN("9", "8"),
         "line 4: \"parent\" is no turn before", 2},
        {CHAT("11", "0") TURN("9", "0") TURN("9", "0"), "line 3: turns must be ordered", 2},
        {CHAT("11", "0") "{\"turn\":\"12\",\"role\":\"x\",\"content\":\"c\"}\n",
         "line 2: \"role\" must be user or assistant", 2},
        {CHAT("11", "0") "{\"turn\":\"12\",\"role\":\"user\"}\n",
         "line 2: a turn needs a \"content\"", 2},
    };
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        mn_rc rc;
        mn_posts list;
        mn_account eve;
        mn_chat *got;
        size_t n;
        put("mynah/chats.jsonl", files[i].text);
        bring_forged("", "", &rc, &list);
        assert_int_equal(rc, MN_E_PARSE);
        OK(strstr(e.msg, files[i].says));
        RUN(mn_store_account_by_name(b.s, MN_STR("eve"), &ar, &eve, &e));
        RUN(mn_store_chats_by_id(b.s, eve.id, 0, 10, &ar, &got, &n, &e));
        assert_int_equal(n, files[i].n_kept);
    }
}

static void a_line_that_is_wrong_takes_everything_back_and_is_named(void **state)
{
    static const char *const wrong[] = {
        "{\"id\":\"5\"}\n",
        "nothing\n",
        LINE("5", "99999999999999", ""),
        LINE("5", "1000", ",\"poll\":{\"options\":[]}"),
        LINE("5", "1000", ",\"versions\":[{\"media\":\"[\"}]"),
        "{\"id\":\"5\",\"origin\":\"x:5\",\"created_ms\":1000,\"visibility\":\"all\"}\n",
        "{\"id\":\"5\",\"origin\":\"x:5\",\"created_ms\":1000,\"visibility\":\"public\","
        "\"text\":\"\\u0000\"}\n",
    };
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        char posts[1024];
        mn_rc rc;
        mn_posts list = {0};
        snprintf(posts, sizeof posts, "%s%s", LINE("4", "1000", ""), wrong[i]);
        assert_int_equal(bring_forged(posts, "", &rc, &list), 0);
        assert_int_equal(list.n, 0);
        if (rc == MN_OK) fail_msg("%s was taken", wrong[i]);
        OK(strstr(e.msg, "line 2"));
    }
}

static void ids_and_links_cannot_reach_other_peoples_posts(void **state)
{
    mn_rc rc;
    mn_tx *tx;
    mn_posts list = {0};
    char posts[2048], boosts[512];
    uint64_t victim = 0;
    (void)state;
    victim = make(&b, "victim");
    mn_post p = {.id = mn_snowflake_next(),
                 .account_id = victim,
                 .created_ms = mn_now_ms(),
                 .text = MN_STR("for friends"),
                 .visibility = MN_VIS_FOLLOWERS};
    RUN(mn_store_begin(b.s, &tx, &e));
    RUN(mn_store_post_add(tx, &p, &e));
    RUN(mn_store_commit(tx, &e));
    /* An id far in the future; an answer to, and a quote and a boost of, what she may not see. */
    snprintf(posts, sizeof posts,
             LINE("9000000000000000000", "1700000000000", "")
                 LINE("77", "1700000000001", ",\"reply_to\":\"%llu\",\"quote_of\":\"%llu\""),
             (unsigned long long)p.id, (unsigned long long)p.id);
    snprintf(
        boosts, sizeof boosts,
        "{\"id\":\"78\",\"origin\":\"mynah:a.example/eve/78\",\"created_ms\":1700000000002,"
        "\"boost_of\":\"%llu mynah:b.example/victim/%llu\",\"visibility\":0}\n",
        (unsigned long long)p.id, (unsigned long long)p.id);
    assert_int_equal(bring_forged(posts, boosts, &rc, &list), 2);
    assert_int_equal(rc, MN_OK);
    assert_int_equal(list.n, 2);
    for (size_t i = 0; i < list.n; i++) {
        OK(list.items[i].id < p.id);
        assert_int_equal(list.items[i].reply_to, 0);
        assert_int_equal(list.items[i].quote_of, 0);
        assert_int_equal(list.items[i].boost_of, 0);
    }
}

/* ---- tables -------------------------------------------------------------------------------------------------------- */

static mn_moving_report table(mn_moved kind, const char *csv)
{
    mn_moving_report r = {0};
    RUN(mn_moving_csv_bring(&a.place, ada, kind, mn_str_from(csv), NULL, NULL, &r, &e));
    return r;
}

static void follows_come_with_and_without_a_header(void **state)
{
    (void)state;
    mn_relation *rel;
    size_t n;
    ada = make(&a, "ada");
    bob = make(&a, "bob");
    cleo = make(&a, "cleo");
    mn_moving_report r =
        table(MN_MOVED_FOLLOWS, "Account address,Show boosts,Notify on new posts,Languages\r\n"
                                "bob@a.example,false,true,\"en, fr\"\r\n"
                                "eve@else.example,true,false,\r\n"
                                "nobody@a.example,true,false,\r\n"
                                "no address,true,false,\r\n");
    assert_int_equal(r.rows, 4);
    assert_int_equal(r.created, 1);
    assert_int_equal(r.waiting, 1);
    assert_int_equal(r.unknown, 2);
    RUN(mn_store_relations(a.s, ada, &bob, 1, &ar, &rel, &n, &e));
    OK(rel->following && !rel->boosts && rel->notify);
    IS(rel->languages, "en,fr");
    r = table(MN_MOVED_FOLLOWS, "@cleo\nbob@a.example\neve@else.example\nada\n");
    assert_int_equal(r.created, 1);
    assert_int_equal(r.already, 2);
    assert_int_equal(r.refused, 1); /* oneself */
    mn_buf out;
    mn_buf_init(&out, 0);
    RUN(mn_moving_csv(&a.place, ada, MN_MOVED_FOLLOWS, &out, &e));
    IS(mn_buf_str(&out), "Account address,Show boosts,Notify on new posts,Languages\n"
                         "bob@a.example,false,true,\"en, fr\"\ncleo@a.example,true,false,\n"
                         "eve@else.example,true,false,\n");
    mn_buf_release(&out);
}

static void who_has_blocked_one_is_not_followed(void **state)
{
    (void)state;
    mn_tx *tx;
    ada = make(&a, "ada");
    bob = make(&a, "bob");
    RUN(mn_store_begin(a.s, &tx, &e));
    RUN(mn_social_block(tx, bob, ada, &e));
    RUN(mn_store_commit(tx, &e));
    mn_moving_report r = table(MN_MOVED_FOLLOWS, "bob\n");
    assert_int_equal(r.created, 0);
    assert_int_equal(r.refused, 1);
}

static void the_other_tables_come_back_as_they_went(void **state)
{
    (void)state;
    static const struct {
        mn_moved kind;
        const char *csv;
    } tables[] = {
        {MN_MOVED_BLOCKS, "cleo@a.example\nfar@else.example\n"},
        {MN_MOVED_MUTES, "Account address,Hide notifications\nbob@a.example,false\n"
                         "far@else.example,true\n"},
        {MN_MOVED_DOMAIN_BLOCKS, "bad.example\nworse.example\n"},
        {MN_MOVED_LISTS, "\"a \"\"b\"\", c\",ada@a.example\nx,far@else.example\n"},
        {MN_MOVED_BOOKMARKS, "https://else.example/users/far/statuses/12\n"},
    };
    ada = make(&a, "ada");
    bob = make(&a, "bob");
    cleo = make(&a, "cleo");
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
        mn_buf out;
        mn_moving_report r = table(tables[i].kind, tables[i].csv);
        assert_int_equal(r.unknown + r.refused, 0);
        mn_buf_init(&out, 0);
        RUN(mn_moving_csv(&a.place, ada, tables[i].kind, &out, &e));
        IS(mn_buf_str(&out), tables[i].csv);
        mn_buf_release(&out);
    }
}

static void a_broken_table_says_where(void **state)
{
    (void)state;
    mn_moving_report r = {0};
    ada = make(&a, "ada");
    mn_rc rc = mn_moving_csv_bring(&a.place, ada, MN_MOVED_BLOCKS,
                                   MN_STR("x@y.example\n\"open"), NULL, NULL, &r, &e);
    assert_int_equal(rc, MN_E_PARSE);
    IS(mn_str_from(e.msg), "row 2 has a quote that never closes");
    assert_int_equal(mn_moving_csv_bring(&a.place, ada, MN_MOVED_BLOCKS, MN_STR("\xff\xfe"),
                                         NULL, NULL, &r, &e),
                     MN_E_PARSE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_empty_server_gives_back_what_it_was_brought, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(conversations_with_models_come_along, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(conversations_keep_clear_of_other_peoples, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_broken_conversation_is_named, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nothing_of_it_is_lost_on_the_way, set_up, tear_down),
        cmocka_unit_test_setup_teardown(receipts_of_the_old_server_are_kept_as_what_it_said,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(bringing_it_twice_or_home_changes_nothing, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(mastodons_files_hold_what_everybody_reads, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(the_same_account_gives_the_same_archive, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_line_that_is_wrong_takes_everything_back_and_is_named,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(ids_and_links_cannot_reach_other_peoples_posts, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(follows_come_with_and_without_a_header, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(who_has_blocked_one_is_not_followed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_other_tables_come_back_as_they_went, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_broken_table_says_where, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
