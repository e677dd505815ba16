/* robots.txt, computed from the consent ledger: what it says is the server's default, never more.
 *
 * Content-Signal knows yes and no; a purpose that is not allowed is a no. AIPREF's Content-Usage is emitted beside it.
 * sources RFC 9309; contentsignals.org; draft-ietf-aipref-attach */
#include "api/api_int.h"

static const char *yes_no(bool v)
{
    return v ? "yes" : "no";
}

void mn_api__robots(mn_req *r, mn_resp *w)
{
    mn_api *a = r->app;
    mn_err e = {0};
    mn_consents server = 0;
    uint64_t seq;
    if (mn_store_consent_server(a->home->store, &server, &seq, &e) != MN_OK) {
        mn_api__failed(r, w, &e);
        return;
    }
    bool search = mn_consents_get(server, MN_P_SEARCH) != MN_CONSENT_DENY;
    bool train = mn_consents_get(server, MN_P_TRAIN_GENERATIVE) == MN_CONSENT_ALLOW;
    bool train_all = train && mn_consents_get(server, MN_P_TRAIN_OTHER) == MN_CONSENT_ALLOW;
    bool input = mn_consents_get(server, MN_P_INFERENCE_INPUT) == MN_CONSENT_ALLOW;
    mn_resp_type(w, "text/plain; charset=utf-8");
    mn_resp_header(w, "Cache-Control", MN_STR("public, max-age=3600"));
    mn_buf_addf(
        mn_resp_body(w),
        "# What may be done with the posts here is decided by their authors; this is the\n"
        "# default of the server.\n"
        "User-agent: *\n"
        "Content-Signal: search=%s, ai-input=%s, ai-train=%s\n"
        "Content-Usage: train-ai=%s, search=%s\n"
        "Disallow: /api/\n"
        "Disallow: /ask?\n"
        "Disallow: /search?\n"
        "Disallow: /metrics\n"
        "Allow: /\n",
        yes_no(search), yes_no(input), yes_no(train_all), train ? "y" : "n",
        search ? "y" : "n");
    mn_resp_etag(w);
}
