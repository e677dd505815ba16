/* GET /v1/models and /v1/models/:id. */
#include "api/openai/openai_int.h"

static void write_model(const mn_served_model *m, mn_json_writer *j)
{
    mn_jw_object(j);
    mn_jw_kstrz(j, "id", m->name);
    mn_jw_kstrz(j, "object", "model");
    mn_jw_ki64(j, "created", m->created_ms / 1000);
    mn_jw_kstrz(j, "owned_by", "mynah");
    mn_jw_object_end(j);
}

void mn_oai_models(mn_req *r, mn_resp *w)
{
    mn_api *a = r->app;
    mn_err e = {0};
    mn_served_model *list;
    size_t n;
    if (mn_served_list(a->served, r->arena, &list, &n, &e) != MN_OK) {
        mn_oai_failed(w, NULL, 0, &e);
        return;
    }
    mn_json_writer j = mn_api__json(w);
    mn_jw_object(&j);
    mn_jw_kstrz(&j, "object", "list");
    mn_jw_key(&j, "data");
    mn_jw_array(&j);
    for (size_t i = 0; i < n; i++) write_model(&list[i], &j);
    mn_jw_array_end(&j);
    mn_jw_object_end(&j);
}

void mn_oai_model(mn_req *r, mn_resp *w)
{
    mn_api *a = r->app;
    mn_err e = {0};
    mn_served_model *list;
    size_t n;
    mn_str id = mn_req_param(r, "id");
    if (mn_served_list(a->served, r->arena, &list, &n, &e) != MN_OK) {
        mn_oai_failed(w, NULL, 0, &e);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        if (!mn_str_eqz(id, list[i].name)) continue;
        mn_json_writer j = mn_api__json(w);
        write_model(&list[i], &j);
        return;
    }
    mn_oai_fail(w, &(mn_oai_fault){404, "invalid_request_error", "model_not_found", "model"},
                "there is no model '%.*s'", MN_STR_FMT(mn_utf8_cut(id, 100)));
}
