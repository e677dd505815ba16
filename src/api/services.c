/* What runs beside the requests and is asked by many of them: the way out to the internet, timelines in memory, Web Push, the
 * streams. Started in this order before the HTTP server, stopped in the other after it and the jobs. */
#include <stdio.h>

#include "api/mastodon/push.h"
#include "api/mastodon/streaming.h"
#include "base/conf.h"
#include "base/version.h"
#include "net/client.h"
#include "social/feeds.h"
#include "social/filters.h"
#include "social/trends.h"

static mn_rc start_client(mn_api *a, mn_err *e)
{
    char agent[400];
    bool private = false;
    mn_client_opts o = {.user_agent = agent, .own_host = a->domain};
    MN_TRY(mn_conf_bool(a->home->conf, "outgoing_private", &private, e));
    o.allow_private = private;
    snprintf(agent, sizeof agent, "Mynah/" MN_VERSION " (+%s/)",
             a->base[0] ? a->base : "http://localhost");
    return mn_client_new(&o, &a->client, e);
}

mn_rc mn_api__services_start(mn_api *a, mn_err *e)
{
    MN_TRY(start_client(a, e));
    MN_TRY(mn_feeds_new(a->home->store, 0, &a->feeds, e));
    MN_TRY(mn_filters_new(a->home->store, &a->filters, e));
    MN_TRY(mn_trends_new(a->home->store, &a->trends, e));
    MN_TRY(mn_pushing_start(a, e));
    return mn_streaming_start(a, e);
}

void mn_api__services_cancel(mn_api *a)
{
    if (a->client) mn_client_cancel(a->client);
}

void mn_api__services_stop(mn_api *a)
{
    mn_streaming_stop(a);
    mn_pushing_free(a);
    mn_trends_free(a->trends);
    mn_filters_free(a->filters);
    mn_feeds_free(a->feeds);
    mn_client_free(a->client);
}
