/* What belongs into whose home, as a table: who the reader is to the people of a post, what the post is, and whether it shows. */
#include "test.h"

#include "social/feeds_int.h"

enum {
    ME = 1,
    FRIEND = 2,
    PAL = 3,
    STRANGER = 4,
    FOE = 5,
    HATER = 6,
    QUIET = 7,
    EXCLUSIVE = 8,
    POLYGLOT = 9,
    FAR = 10
};

/* FRIEND, PAL, QUIET (no boosts), EXCLUSIVE (on such a list), POLYGLOT (in Italian only) are followed; FOE is hidden; HATER has
 * blocked the reader; FAR is of a domain that is blocked. */
static uint64_t follows[] = {FRIEND, PAL, QUIET, EXCLUSIVE, POLYGLOT}, quiet[] = {QUIET},
                hidden[] = {FOE}, hidden_by[] = {HATER}, tags[] = {70},
                exclusive[] = {EXCLUSIVE};
static mn_feed_lang langs[] = {{POLYGLOT, {"it,la", 5}}};
static mn_str domains[] = {{"far.example", 11}};
static mn_feed_ctx ctx = {.account = ME,
                          .follows = follows,
                          .n_follows = 5,
                          .quiet = quiet,
                          .n_quiet = 1,
                          .hidden = hidden,
                          .n_hidden = 1,
                          .hidden_by = hidden_by,
                          .n_hidden_by = 1,
                          .tags = tags,
                          .n_tags = 1,
                          .exclusive = exclusive,
                          .n_exclusive = 1,
                          .langs = langs,
                          .n_langs = 1,
                          .domains = domains,
                          .n_domains = 1};

typedef struct rule {
    const char *what;
    mn_row row;
    uint64_t mention, tag; /* 0: none */
    bool home;
} rule;

#define BY(a)      .account_id = (a)
#define REPLY(a)   .reply_to = 90, .reply_account = (a)
#define BOOST(a)   .boost_of = 91, .boost_account = (a)
#define QUOTE(a)   .quote_of = 92, .quote_account = (a)
#define SEEN_BY(v) .visibility = (v)

static const rule rules[] = {
    {"a friend's post", {BY(FRIEND)}, 0, 0, true},
    {"a stranger's post", {BY(STRANGER)}, 0, 0, false},
    {"one's own post", {BY(ME)}, 0, 0, true},
    {"one's own direct post", {BY(ME), SEEN_BY(MN_VIS_DIRECT)}, 0, 0, true},
    {"one's own reply to a stranger", {BY(ME), REPLY(STRANGER)}, 0, 0, true},
    {"a friend's unlisted post", {BY(FRIEND), SEEN_BY(MN_VIS_UNLISTED)}, 0, 0, true},
    {"a friend's post for followers", {BY(FRIEND), SEEN_BY(MN_VIS_FOLLOWERS)}, 0, 0, true},
    {"a friend's direct post to another", {BY(FRIEND), SEEN_BY(MN_VIS_DIRECT)}, PAL, 0, false},
    {"a friend's direct post to the reader", {BY(FRIEND), SEEN_BY(MN_VIS_DIRECT)}, ME, 0, true},
    {"a friend's reply to a friend", {BY(FRIEND), REPLY(PAL)}, 0, 0, true},
    {"a friend's reply to a stranger", {BY(FRIEND), REPLY(STRANGER)}, 0, 0, false},
    {"a friend's reply to the reader", {BY(FRIEND), REPLY(ME)}, 0, 0, true},
    {"a friend's reply to oneself", {BY(FRIEND), REPLY(FRIEND)}, 0, 0, true},
    {"a friend's reply to what is not here", {BY(FRIEND), .reply_to = 90}, 0, 0, false},
    {"a friend's boost of a stranger", {BY(FRIEND), BOOST(STRANGER)}, 0, 0, true},
    {"a boost of one hidden", {BY(FRIEND), BOOST(FOE)}, 0, 0, false},
    {"a boost of one who has blocked the reader", {BY(FRIEND), BOOST(HATER)}, 0, 0, false},
    {"a boost by one whose boosts are unwanted", {BY(QUIET), BOOST(STRANGER)}, 0, 0, false},
    {"a post by one whose boosts are unwanted", {BY(QUIET)}, 0, 0, true},
    {"a boost of a post for others' followers",
     {BY(FRIEND), BOOST(STRANGER), .boost_visibility = MN_VIS_FOLLOWERS},
     0,
     0,
     false},
    {"a boost of a friend's post for followers",
     {BY(FRIEND), BOOST(FRIEND), .boost_visibility = MN_VIS_FOLLOWERS},
     0,
     0,
     true},
    {"a boost of somebody on a blocked domain",
     {BY(FRIEND), BOOST(FAR), .boost_domain = {"Far.example", 11}},
     0,
     0,
     false},
    {"a quote of one hidden", {BY(FRIEND), QUOTE(FOE)}, 0, 0, false},
    {"a mention of one hidden", {BY(FRIEND)}, FOE, 0, false},
    {"a boost of a post that mentions one hidden",
     {BY(FRIEND), BOOST(STRANGER)},
     FOE,
     0,
     false},
    {"a friend on an exclusive list", {BY(EXCLUSIVE)}, 0, 0, false},
    {"the wanted language", {BY(POLYGLOT), .lang = "it"}, 0, 0, true},
    {"another language", {BY(POLYGLOT), .lang = "en"}, 0, 0, false},
    {"a language not known", {BY(POLYGLOT)}, 0, 0, true},
    {"a followed tag", {BY(STRANGER)}, 0, 70, true},
    {"another tag", {BY(STRANGER)}, 0, 71, false},
    {"a followed tag, unlisted", {BY(STRANGER), SEEN_BY(MN_VIS_UNLISTED)}, 0, 70, false},
    {"a followed tag, in a reply", {BY(STRANGER), REPLY(STRANGER)}, 0, 70, true},
    {"a followed tag, by one hidden", {BY(FOE)}, 0, 70, false},
    {"a followed tag, by one silenced", {BY(STRANGER), .silenced = true}, 0, 70, false},
    {"a followed tag, by a silenced friend", {BY(FRIEND), .silenced = true}, 0, 70, true},
    {"a followed tag, on a blocked domain",
     {BY(FAR), .domain = {"far.example", 11}},
     0,
     70,
     false},
    {"a followed tag, on an exclusive list", {BY(EXCLUSIVE)}, 0, 70, true},
    {"a followed tag, by one who has blocked the reader", {BY(HATER)}, 0, 70, false},
};

static void posts_come_home_as_the_table_says(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
        const rule *x = &rules[i];
        mn_row row = x->row;
        uint64_t mention = x->mention, tag = x->tag;
        bool home = false;
        mn_err e = {0};
        row.id = 100;
        row.active = true;
        mn_feed_post p = {.row = &row,
                          .has_mentions = true,
                          .mentions = &mention,
                          .n_mentions = mention != 0,
                          .has_tags = true,
                          .tags = &tag,
                          .n_tags = tag != 0};
        RUN(mn_social__feed_in_home(&ctx, &p, &home, &e));
        if (home != x->home) fail_msg("%s: %s", x->what, home ? "shows" : "does not show");
    }
}

static bool in_list(mn_list_replies replies, mn_row row)
{
    uint64_t members[] = {ME, FRIEND, EXCLUSIVE}, none = 0;
    mn_feed_list l = {.id = 5, .replies = replies, .members = members, .n_members = 3};
    bool yes = false;
    mn_err e = {0};
    row.active = true;
    mn_feed_post p = {
        .row = &row, .has_mentions = true, .mentions = &none, .has_tags = true, .tags = &none};
    RUN(mn_social__feed_in_list(&ctx, &l, &p, &yes, &e));
    return yes;
}

static void lists_have_their_own_policy_of_replies(void **state)
{
    (void)state;
    mn_row plain = {BY(FRIEND)}, to_pal = {BY(FRIEND), REPLY(PAL)},
           to_member = {BY(FRIEND), REPLY(EXCLUSIVE)}, to_me = {BY(FRIEND), REPLY(ME)},
           to_stranger = {BY(FRIEND), REPLY(STRANGER)}, on = {BY(EXCLUSIVE)},
           direct = {BY(FRIEND), SEEN_BY(MN_VIS_DIRECT)}, pal = {BY(PAL)};
    OK(in_list(MN_LIST_REPLIES_NONE, plain) && in_list(MN_LIST_REPLIES_NONE, on));
    OK(!in_list(MN_LIST_REPLIES_LIST, pal) && !in_list(MN_LIST_REPLIES_LIST, direct));
    OK(in_list(MN_LIST_REPLIES_NONE, to_me) && !in_list(MN_LIST_REPLIES_NONE, to_member));
    OK(in_list(MN_LIST_REPLIES_LIST, to_member) && !in_list(MN_LIST_REPLIES_LIST, to_pal));
    OK(in_list(MN_LIST_REPLIES_FOLLOWED, to_pal) &&
       !in_list(MN_LIST_REPLIES_FOLLOWED, to_stranger));
}

static void a_boost_repeats_what_stands_among_forty(void **state)
{
    (void)state;
    mn_feed_entry e[50] = {{0}};
    for (int i = 0; i < 50; i++) e[i] = (mn_feed_entry){(uint64_t)(100 - i), 0};
    e[0].boost_of = 60; /* stands 40 places on */
    OK(mn_social__feed_repeats(e, 1, 49));
    OK(!mn_social__feed_repeats(e, 1, 39));
    e[0].boost_of = 59; /* 41 places on */
    OK(!mn_social__feed_repeats(e, 1, 49));
    e[3].boost_of = 59; /* another boost of it */
    OK(mn_social__feed_repeats(e, 1, 49));
    OK(!mn_social__feed_repeats(e + 1, 1, 48)); /* no boost */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(posts_come_home_as_the_table_says),
        TEST(lists_have_their_own_policy_of_replies),
        TEST(a_boost_repeats_what_stands_among_forty),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
