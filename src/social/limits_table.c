/* The tables of limits: see limits.h. A line here is enforced, shown in headers, and written into docs/limits.md. */
#include "social/limits_int.h"

#define MINUTES 60
#define HOURS   3600
#define R(...)                                                                                 \
    (const char *const[])                                                                      \
    {                                                                                          \
        __VA_ARGS__, NULL                                                                      \
    }

/* Counts and periods are Mastodon's, so that clients that know them pace themselves rightly. */
const mn_rate mn_rates[] = {
    {"account", "requests by one member", MN_BY_ACCOUNT, 300, 5 * MINUTES, "rate_limit_account",
     R("* /api/", "* /media_proxy/")},
    {"address", "requests from one address", MN_BY_ADDRESS, 7500, 5 * MINUTES,
     "rate_limit_address", R("* /")},
    {"media", "uploads", MN_BY_ACCOUNT, 30, 30 * MINUTES, NULL,
     R("POST /api/v1/media", "POST /api/v2/media")},
    {"delete", "posts deleted and boosts taken back", MN_BY_ACCOUNT, 30, 30 * MINUTES, NULL,
     R("DELETE /api/v1/statuses/:id", "POST /api/v1/statuses/:id/unreblog")},
    {"post", "posts and boosts", MN_BY_ACCOUNT, 300, 3 * HOURS, NULL,
     R("POST /api/v1/statuses", "POST /api/v1/statuses/:id/reblog")},
    {"follow", "follows", MN_BY_ACCOUNT, 400, 24 * HOURS, NULL,
     R("POST /api/v1/accounts/:id/follow")},
    {"report", "reports", MN_BY_ACCOUNT, 400, 24 * HOURS, NULL, R("POST /api/v1/reports")},
    {"ask", "questions to the model", MN_BY_ADDRESS, 30, 1 * MINUTES, NULL,
     R("GET /api/mynah/ask", "POST /api/mynah/ask", "GET /ask")},
    {"app", "apps registered", MN_BY_ADDRESS, 5, 30 * MINUTES, NULL, R("POST /api/v1/apps")},
    {"sign_up", "sign-ups", MN_BY_ADDRESS, 5, 30 * MINUTES, NULL,
     R("POST /api/v1/accounts", "POST /auth/sign_up", "POST /auth/sign_up/identity")},
    {"sign_in", "attempts to sign in", MN_BY_ADDRESS, 25, 5 * MINUTES, NULL,
     R("POST /auth/sign_in", "POST /auth/sign_in/code", "POST /auth/setup", "POST /oauth/token",
       "POST /oauth/authorize", "GET /auth/identity/start", "GET /auth/identity/callback")},
    {"sign_in_name", "attempts to sign in to one account", MN_BY_NAME, 25, 1 * HOURS, NULL,
     NULL},
    {"password", "new passwords asked for", MN_BY_ADDRESS, 25, 5 * MINUTES, NULL,
     R("POST /auth/password", "POST /auth/password/edit")},
    {"password_name", "new passwords asked for one account", MN_BY_NAME, 5, 30 * MINUTES, NULL,
     NULL},
    {"mail", "confirmations sent again", MN_BY_ADDRESS, 25, 5 * MINUTES, NULL,
     R("POST /api/v1/emails/confirmations")},
    {"mail_account", "confirmations sent again to one member", MN_BY_ACCOUNT, 5, 30 * MINUTES,
     NULL, R("POST /api/v1/emails/confirmations")},
    {"appeal", "appeals", MN_BY_ADDRESS, 20, 30 * MINUTES, NULL,
     R("POST /appeals/:id/:code", "POST /api/mynah/strikes/:id/appeal")},
    {0},
};

const mn_plan_row mn_plan[MN_PLAN_ITEMS] = {
    [MN_PLAN_READS] = {MN_PLAN_READS,
                       "Reading",
                       "posts that may be read in a day, in timelines, threads, profiles and "
                       "search",
                       "posts a day",
                       {"reading_limit_anonymous", "reading_limit_new", "reading_limit_member",
                        "reading_limit_subscriber"},
                       0,
                       1000000000,
                       false},
    [MN_PLAN_CHARACTERS] = {MN_PLAN_CHARACTERS,
                            "Length",
                            "characters of a post",
                            "characters",
                            {NULL, "post_characters", "post_characters",
                             "post_characters_subscriber"},
                            0,
                            1000000,
                            true},
    [MN_PLAN_IMAGE_BYTES] = {MN_PLAN_IMAGE_BYTES,
                             "Pictures",
                             "size of one picture",
                             "bytes",
                             {NULL, "image_max_bytes", "image_max_bytes",
                              "image_max_bytes_subscriber"},
                             0,
                             UINT64_C(60) << 20, /* a request's body holds 64 MiB */
                             true},
    [MN_PLAN_VIDEO_BYTES] = {MN_PLAN_VIDEO_BYTES,
                             "Videos and sounds",
                             "size of one video or sound",
                             "bytes",
                             {NULL, "video_max_bytes", "video_max_bytes",
                              "video_max_bytes_subscriber"},
                             0,
                             UINT64_C(60) << 20,
                             true},
    [MN_PLAN_LINKS] = {MN_PLAN_LINKS,
                       "Links",
                       "links in a post",
                       "links",
                       {NULL, "new_account_links", NULL, NULL},
                       0,
                       10000,
                       false},
    [MN_PLAN_MENTIONS] = {MN_PLAN_MENTIONS,
                          "Mentions",
                          "people that a post may mention",
                          "people",
                          {NULL, "new_account_mentions", NULL, NULL},
                          0,
                          10000,
                          false},
};

/* Routes that deliver posts to read: what reading limits count, and what is closed with `reading = members`. */
const char *const mn_limits__reading_routes[] = {
    "GET /api/v1/timelines/home",
    "GET /api/v1/timelines/public",
    "GET /api/v1/timelines/tag/:hashtag",
    "GET /api/v1/timelines/list/:id",
    "GET /api/v1/timelines/link",
    "GET /api/v1/timelines/direct",
    "GET /api/v1/accounts/:id/statuses",
    "GET /api/v1/statuses",
    "GET /api/v1/statuses/:id",
    "GET /api/v1/statuses/:id/context",
    "GET /api/v1/statuses/:id/quotes",
    "GET /api/v1/bookmarks",
    "GET /api/v1/favourites",
    "GET /api/v1/trends/statuses",
    "GET /api/v2/search",
    "GET /api/v1/search",
    "GET /api/mynah/timeline",
    "GET /api/mynah/posts/:id",
    "GET /api/mynah/search",
    "GET /",
    "GET /search",
    "GET /tags/:tag",
    "GET /@:name",
    "GET /@:name/:id",
    NULL,
};

static const char *const level_names[MN_LEVELS] = {"anonymous", "new", "member", "subscriber"};

const char *mn_level_name(mn_level l)
{
    return level_names[l];
}
