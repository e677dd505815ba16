/* What a model's own file says of it. */
#include "api/chats/weights.h"

#include "model/open.h"

void mn_chats__weights_json(const char *path, mn_json_writer *j)
{
    mn_model *m;
    if (mn_model_open_weights(path, &m, NULL) != MN_OK) return;
    mn_jw_kstr(j, "title", m->name);
    mn_jw_kstr(j, "licence", m->licence);
    mn_jw_kstr(j, "origin", m->origin);
    mn_jw_kstr(j, "author", m->author);
    mn_jw_ku64(j, "bytes", m->bytes);
    mn_jw_ku64(j, "context", m->cfg.T);
    mn_jw_ku64(j, "layers", m->cfg.L);
    mn_jw_ku64(j, "width", m->cfg.C);
    mn_jw_ku64(j, "vocabulary", m->cfg.V);
    mn_model_free(m);
}
