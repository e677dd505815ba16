/* Every address the server answers. The first that fits wins, so literal ones stand before patterns: in each table, and
 * in the order of the tables. */
#include "api/api_int.h"
#include "api/chats/chats.h"
#include "api/mastodon/media.h"
#include "api/mastodon/push.h"
#include "api/mastodon/streaming.h"
#include "api/openai/openai.h"
#include "api/transfers.h"

static const mn_route pages[] = {
    /* method, path, handler, body limit, where it runs, scope */
    {MN_GET, "/healthz", mn_api__healthz, 0, MN_RUN_HERE, NULL},
    {MN_GET, "/metrics", mn_api__metrics, 0, MN_RUN_HERE, NULL},
    {MN_GET, "/robots.txt", mn_api__robots, 0, MN_RUN_HERE, NULL},
    {MN_GET, "/assets/:name", mn_api__asset, 0, MN_RUN_HERE, NULL},

    {MN_GET, "/api/mynah/timeline", mn_api__timeline, 0, MN_RUN_HERE, NULL},
    {MN_GET, "/api/mynah/posts/:id", mn_api__post, 0, MN_RUN_HERE, NULL},
    {MN_GET, "/api/mynah/accounts/:name", mn_api__account, 0, MN_RUN_HERE, NULL},
    {MN_GET, "/api/mynah/ask", mn_api__ask_get, 0, MN_RUN_WORKER, NULL},
    {MN_POST, "/api/mynah/ask", mn_api__ask_post, 8192, MN_RUN_WORKER, NULL},
    {MN_GET, "/api/mynah/search", mn_api__search_get, 0, MN_RUN_WORKER, NULL},
    {MN_GET, "/api/mynah/model", mn_api__model, 0, MN_RUN_HERE, NULL},
    {MN_GET, "/api/mynah/events", mn_api__events, 0, MN_RUN_HERE, NULL},

    {MN_GET, "/", mn_page_timeline, 0, MN_RUN_HERE, NULL},
    {MN_GET, "/ask", mn_page_ask, 0, MN_RUN_WORKER, NULL},
    {MN_GET, "/search", mn_page_search, 0, MN_RUN_WORKER, NULL},
    {MN_GET, "/model", mn_page_model, 0, MN_RUN_HERE, NULL},
    {MN_GET, "/about", mn_page_about, 0, MN_RUN_HERE, NULL},
    {MN_GET, "/tags/:tag", mn_page_tag, 0, MN_RUN_WORKER, NULL},
    {MN_GET, "/sw.js", mn_page_worker, 0, MN_RUN_HERE, NULL},
    {MN_GET, "/home", mn_page_app, 0, MN_RUN_HERE, NULL},
    {MN_GET, "/public", mn_page_app, 0, MN_RUN_HERE, NULL},
    {MN_GET, "/public/:which", mn_page_app, 0, MN_RUN_HERE, NULL},
    {MN_GET, "/notifications", mn_page_app, 0, MN_RUN_HERE, NULL},
    {MN_GET, "/messages", mn_page_app, 0, MN_RUN_HERE, NULL},
    {MN_GET, "/messages/:id", mn_page_app, 0, MN_RUN_HERE, NULL},
    {MN_GET, "/explore", mn_page_app, 0, MN_RUN_HERE, NULL},
    {MN_GET, "/chat", mn_page_app, 0, MN_RUN_HERE, NULL},
    {MN_GET, "/chat/:id", mn_page_app, 0, MN_RUN_HERE, NULL},
    {MN_GET, "/lists", mn_page_app, 0, MN_RUN_HERE, NULL},
    {MN_GET, "/lists/:id", mn_page_app, 0, MN_RUN_HERE, NULL},
    {MN_GET, "/bookmarks", mn_page_app, 0, MN_RUN_HERE, NULL},
    {MN_GET, "/favourites", mn_page_app, 0, MN_RUN_HERE, NULL},
    {MN_GET, "/scheduled", mn_page_app, 0, MN_RUN_HERE, NULL},
    {MN_GET, "/menu", mn_page_app, 0, MN_RUN_HERE, NULL},
    {MN_GET, "/report/:id", mn_page_app, 0, MN_RUN_HERE, NULL},
    {MN_GET, "/settings", mn_page_app, 0, MN_RUN_HERE, NULL},
    {MN_GET, "/settings/profile", mn_page_app, 0, MN_RUN_HERE, NULL},
    {MN_GET, "/settings/consent", mn_page_app, 0, MN_RUN_HERE, NULL},
    {MN_GET, "/settings/posting", mn_page_app, 0, MN_RUN_HERE, NULL},
    {MN_GET, "/settings/appearance", mn_page_app, 0, MN_RUN_HERE, NULL},
    {MN_GET, "/settings/notifications", mn_page_app, 0, MN_RUN_HERE, NULL},
    {MN_GET, "/settings/filters", mn_page_app, 0, MN_RUN_HERE, NULL},
    {MN_GET, "/settings/people", mn_page_app, 0, MN_RUN_HERE, NULL},
    {MN_GET, "/settings/moving", mn_page_app, 0, MN_RUN_HERE, NULL},
    {MN_GET, "/moderation", mn_page_app, 0, MN_RUN_HERE, NULL},
    {MN_GET, "/moderation/:page", mn_page_app, 0, MN_RUN_HERE, NULL},
    {MN_GET, "/moderation/:page/:id", mn_page_app, 0, MN_RUN_HERE, NULL},
    {MN_GET, "/@:name/followers", mn_page_app, 0, MN_RUN_HERE, NULL},
    {MN_GET, "/@:name/following", mn_page_app, 0, MN_RUN_HERE, NULL},
    {MN_GET, "/@:name/media", mn_page_app, 0, MN_RUN_HERE, NULL},
    {MN_GET, "/@:name/with_replies", mn_page_app, 0, MN_RUN_HERE, NULL},
    {MN_GET, "/@:name/:id/:what", mn_page_app, 0, MN_RUN_HERE, NULL},
    {MN_GET, "/@:name", mn_page_account, 0, MN_RUN_HERE, NULL},
    {MN_GET, "/@:name/:id", mn_page_post, 0, MN_RUN_HERE, NULL},
    {.path = NULL},
};

static const mn_route *const tables[] = {
    mn_masto__routes_statuses,
    mn_masto__routes_status_acts,
    mn_masto__routes_status_lists,
    mn_masto__routes_scheduled,
    mn_masto__routes_account_profile,
    mn_masto__routes_accounts,
    mn_masto__routes_account_acts,
    mn_masto__routes_account_lists,
    mn_masto__routes_notification_requests,
    mn_masto__routes_notifications,
    mn_masto__routes_apps,
    mn_masto__routes_oauth,
    mn_masto__routes_authorize,
    mn_masto__routes_register,
    mn_page__routes_sign_in,
    mn_page__routes_sign_up,
    mn_page__routes_password,
    mn_page__routes_identity,
    mn_page__routes_security,
    mn_page__routes_leave,
    mn_page__routes_keys,
    mn_page__routes_report,
    mn_masto__routes_media,
    mn_masto__routes_timelines,
    mn_masto__routes_lists,
    mn_masto__routes_tags,
    mn_masto__routes_filters,
    mn_masto__routes_conversations,
    mn_masto__routes_search,
    mn_masto__routes_trends,
    mn_masto__routes_streaming,
    mn_masto__routes_push,
    mn_masto__routes_instance,
    mn_masto__routes_wellknown,
    mn_masto__routes_reports,
    mn_masto__routes_announcements,
    mn_masto__routes_admin_accounts,
    mn_masto__routes_admin_reports,
    mn_masto__routes_admin_blocks,
    mn_masto__routes_admin_numbers,
    mn_masto__routes_admin_own,
    mn_oai__routes,
    pages,
    mn_api__routes_consent,
    mn_api__routes_transfers,
    mn_api__routes_chats,
};

mn_rc mn_api__routes_new(mn_route **ret, mn_err *e)
{
    size_t n = 0, k = 0;
    for (size_t t = 0; t < sizeof tables / sizeof *tables; t++)
        for (const mn_route *r = tables[t]; r->path; r++) n++;
    mn_route *all = mn_calloc(n + 1, sizeof *all);
    if (!all) return mn_fail(e, MN_E_NOMEM, "out of memory starting the server");
    for (size_t t = 0; t < sizeof tables / sizeof *tables; t++)
        for (const mn_route *r = tables[t]; r->path; r++) all[k++] = *r;
    *ret = all;
    return MN_OK;
}

mn_rc mn_api_routes_list(mn_buf *ret, mn_err *e)
{
    static const char *const methods[] = {
        [MN_GET] = "GET",     [MN_POST] = "POST",     [MN_PUT] = "PUT",
        [MN_PATCH] = "PATCH", [MN_DELETE] = "DELETE", [MN_OPTIONS] = "OPTIONS"};
    for (size_t t = 0; t < sizeof tables / sizeof *tables; t++)
        for (const mn_route *r = tables[t]; r->path; r++)
            mn_buf_addf(ret, "%s %s\t%s\n", methods[r->method], r->path,
                        r->scope ? r->scope : "page");
    return ret->failed ? mn_fail(e, ret->failed, "out of memory listing the routes") : MN_OK;
}
