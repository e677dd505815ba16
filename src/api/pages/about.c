/* About: what this server is and what it does with posts, in plain words. */
#include "api/pages/page.h"

static void defaults_html(mn_buf *b, mn_consents server)
{
    static const struct {
        mn_purpose purpose;
        const char *words;
    } rows[] = {
        {MN_P_SEARCH, "Found by search"},
        {MN_P_INFERENCE_INPUT, "Quoted in answers"},
        {MN_P_TRAIN_GENERATIVE, "Learnt from by the model"},
        {MN_P_TRAIN_OTHER, "Used to train classifiers"},
        {MN_P_EMBEDDING, "Turned into vectors"},
        {MN_P_ARCHIVE, "Kept in public archives"},
        {MN_P_BULK_DATASET, "Given out in data sets"},
        {MN_P_BRIDGE, "Carried to other networks"},
    };
    mn_post any = {.visibility = MN_VIS_PUBLIC};
    H(b, "<table class=\"plain\"><caption>When an author has not said anything about a public "
         "post</caption><tbody>");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        bool yes = mn_social_allows(&any, server, rows[i].purpose);
        mn_buf_addf(b, "<tr><th scope=\"row\">%s</th><td class=\"%s\">%s</td></tr>",
                    rows[i].words, yes ? "yes" : "no", yes ? "yes" : "no");
    }
    H(b, "</tbody></table>");
}

void mn_page_about(mn_req *r, mn_resp *w)
{
    mn_err e = {0};
    uint64_t accounts = 0, posts = 0, rev = 0;
    mn_consents server = 0;
    mn_store *s = mn_api_store(r->app);
    if (mn_store_counts(s, &accounts, &posts, &rev, &e) != MN_OK ||
        mn_store_consent_server(s, &server, NULL, &e) != MN_OK) {
        mn_page_failed(r, w, &e);
        return;
    }
    mn_buf *b = mn_page_open(r, w, "About", MN_TAB_ABOUT);
    H(b, "<h1>About</h1><p class=\"lead\">");
    mn_h_textz(b, mn_api_domain(r->app));
    H(b, " runs Mynah, a social network that raises its own language model. It holds ");
    mn_h_plural(b, posts, "post", "posts");
    H(b, " by ");
    mn_h_plural(b, accounts, "account", "accounts");
    H(b, ".</p><section class=\"card prose\"><h2>A post belongs to its author</h2><p>What may "
         "be done with a post is "
         "decided by its author, purpose by purpose, and noted in a ledger that is only ever "
         "added to. Everything "
         "made from posts remembers which ones it came from.</p>");
    defaults_html(b, server);
    H(b, "<h2>Cite or decline</h2><p>Answers are put together from posts, word for word, and "
         "every sentence links the "
         "posts it stands on. What the posts do not support is not said.</p><h2>Learnt in the "
         "open</h2><p>The "
         "<a href=\"/model\">model page</a> shows what the model learns from, how well it does "
         "on text it has not "
         "seen, and what it writes. Text it wrote is always marked.</p></section>");
    mn_page_close(r, w);
}
