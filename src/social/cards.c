#include "social/cards.h"

#include <stdio.h>

#include "base/clock.h"
#include "store/media.h"
#include "text/html.h"

#define LINKS_MAX 32 /* spans looked at */

/* "https://HOST…": the host is this server's. */
static bool is_own(mn_str url, mn_str domain)
{
    size_t from = mn_str_find(url, MN_STR("://"), 0);
    mn_str host = from == SIZE_MAX ? url : mn_str_sub(url, from + 3, url.len);
    return domain.len && mn_str_eq_nocase(mn_str_sub(host, 0, domain.len), domain) &&
           (host.len == domain.len || strchr("/?#:.", host.ptr[domain.len]));
}

mn_str mn_social_card_link(mn_str text, mn_str domain)
{
    mn_link_span spans[LINKS_MAX];
    size_t n = mn_text_links(text, spans, LINKS_MAX);
    for (size_t i = 0; i < n; i++) {
        mn_str url = mn_str_sub(text, spans[i].start, spans[i].len);
        if (spans[i].kind == 'u' && url.len <= 2048 && !is_own(url, domain)) return url;
    }
    return MN_STR_NONE;
}

mn_rc mn_social_card_wanted(mn_tx *tx, const mn_post *p, mn_err *e)
{
    char payload[64];
    bool asked = p->visibility != MN_VIS_DIRECT && !p->boost_of;
    if (!asked || !mn_social_card_link(p->text, MN_STR_NONE).ptr)
        return mn_store_post_card_set(tx, p->id, 0, e);
    snprintf(payload, sizeof payload, "{\"post\":\"%llu\"}", (unsigned long long)p->id);
    return mn_store_job_add(tx, MN_STR(MN_CARD_JOB), mn_str_from(payload), mn_now_ms(), NULL,
                            e);
}
