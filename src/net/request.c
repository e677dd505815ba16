/* What a handler may ask about its request. */
#include "net/http_int.h"

static mn_exchange *exchange_of(const mn_req *r)
{
    union {
        const mn_req *req;
        mn_exchange *x;
    } u = {.req = r}; /* req is the first member; the arena behind it grows on reading */
    return u.x;
}

mn_str mn_req_header(const mn_req *r, const char *name)
{
    return mn_str_from(MHD_lookup_connection_value(exchange_of(r)->mhd, MHD_HEADER_KIND, name));
}

mn_str mn_req_param(const mn_req *r, const char *name)
{
    const mn_exchange *x = exchange_of(r);
    for (size_t i = 0; i < x->n_params; i++)
        if (mn_str_eqz(x->params[i].name, name)) return x->params[i].value;
    return MN_STR_NONE;
}

mn_str mn_req_query(const mn_req *r, const char *name)
{
    return mn_http_form_get(r->query, name, r->arena);
}

mn_str mn_req_form(const mn_req *r, const char *name)
{
    mn_str type = mn_req_header(r, "Content-Type"), rest;
    type = mn_str_trim(mn_str_split(type, ';', &rest));
    if (!mn_str_eq_nocase(type, MN_STR("application/x-www-form-urlencoded")))
        return MN_STR_NONE;
    return mn_http_form_get(r->body, name, r->arena);
}

bool mn_req_accepts_html(const mn_req *r)
{
    mn_str accept = mn_req_header(r, "Accept");
    bool named = false;
    int html = mn_http_accept_weight(accept, "text/html", &named);
    return named && html > 0 && html >= mn_http_accept_weight(accept, "application/json", NULL);
}

const char *mn_req_route(const mn_req *r)
{
    const mn_exchange *x = exchange_of(r);
    return x->route ? x->route->path : NULL;
}

const mn_route *mn_req_route_of(const mn_req *r)
{
    return exchange_of(r)->route;
}

mn_http *mn_req_http(const mn_req *r)
{
    return exchange_of(r)->http;
}
