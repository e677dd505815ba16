/* Every address the server answers. The first that fits wins, so literal ones stand before patterns. */
#include "api/api_int.h"

const mn_route mn_api__routes[] = {
    /* method, path, handler, body limit, slow */
    {MN_GET, "/healthz", mn_api__healthz, 0, false},
    {MN_GET, "/metrics", mn_api__metrics, 0, false},
    {MN_GET, "/robots.txt", mn_api__robots, 0, false},
    {MN_GET, "/assets/:name", mn_api__asset, 0, false},

    {MN_GET, "/api/mynah/timeline", mn_api__timeline, 0, false},
    {MN_GET, "/api/mynah/posts/:id", mn_api__post, 0, false},
    {MN_GET, "/api/mynah/accounts/:name", mn_api__account, 0, false},
    {MN_GET, "/api/mynah/ask", mn_api__ask_get, 0, true},
    {MN_POST, "/api/mynah/ask", mn_api__ask_post, 8192, true},
    {MN_GET, "/api/mynah/search", mn_api__search_get, 0, true},
    {MN_GET, "/api/mynah/model", mn_api__model, 0, false},
    {MN_GET, "/api/mynah/events", mn_api__events, 0, false},

    {MN_GET, "/", mn_page_timeline, 0, false},
    {MN_GET, "/ask", mn_api__ask_page, 0, true},
    {MN_GET, "/search", mn_page_search, 0, true},
    {MN_GET, "/model", mn_page_model, 0, false},
    {MN_GET, "/about", mn_page_about, 0, false},
    {MN_GET, "/tags/:tag", mn_page_tag, 0, true},
    {MN_GET, "/@:name", mn_page_account, 0, false},
    {MN_GET, "/@:name/:id", mn_page_post, 0, false},
    {.path = NULL},
};
