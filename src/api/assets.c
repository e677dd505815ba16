#include "api/assets.h"

#include "api/api_int.h"

/* static const mn_asset assets[] (ends with .name = NULL) and static const char *const urls[], made by tools/embed.c. */
#include "assets.inc"

const mn_asset *mn_asset_find(mn_str name)
{
    for (const mn_asset *a = assets; a->name; a++)
        if (mn_str_eqz(name, a->name)) return a;
    return NULL;
}

mn_str mn_asset_url(const char *logical_name)
{
    for (size_t i = 0; assets[i].name; i++)
        if (strcmp(assets[i].logical, logical_name) == 0) return mn_str_from(urls[i]);
    return MN_STR_NONE;
}

void mn_api__asset(mn_req *r, mn_resp *w)
{
    const mn_asset *a = mn_asset_find(mn_req_param(r, "name"));
    if (!a) {
        mn_resp_error(r, w, 404, "there is no such file");
        return;
    }
    mn_resp_type(w, a->type);
    mn_resp_header(w, "Cache-Control", MN_STR("public, max-age=31536000, immutable"));
    mn_resp_static(w, a->body, a->gzip);
    mn_resp_etag(w);
}
