/* Pages of the web app: the frame that it fills, and its service worker. */
#include "api/assets.h"
#include "api/pages/sign.h"

void mn_page_app(mn_req *r, mn_resp *w)
{
    const mn_grant *g;
    if (!mn_sign_need(r, w, &g)) return;
    mn_buf *b = mn_page_open(r, w, "Mynah", MN_TAB_NONE);
    H(b,
      "<noscript><section class=\"card prose\"><h1>This page needs JavaScript</h1><p>Without "
      "it you can read <a href=\"/\">your timeline</a>, profiles, posts and their threads, "
      "<a href=\"/ask\">ask</a>, and change <a href=\"/settings/security\">your password, "
      "sessions and apps</a>. To write, use any Mastodon app with this "
      "server.</p></section></noscript>");
    mn_page_close(r, w);
}

void mn_page_worker(mn_req *r, mn_resp *w)
{
    mn_str url = mn_asset_url("sw.js");
    const mn_asset *a =
        url.ptr ? mn_asset_find(mn_str_sub(url, sizeof "/assets/" - 1, url.len)) : NULL;
    if (!a) {
        mn_resp_error(r, w, 404, "this program was built without the web app");
        return;
    }
    mn_resp_type(w, a->type);
    mn_resp_header(w, "Cache-Control", MN_STR("no-cache"));
    mn_resp_static(w, a->body, a->gzip);
    mn_resp_etag(w);
}
