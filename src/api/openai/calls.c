/* Tool calls in what a unit has written. */
#include <stdio.h>

#include "api/openai/openai_int.h"

void mn_oai_call_id(const mn_oai_job *job, const mn_oai_unit *u, size_t i, char ret[64])
{
    snprintf(ret, 64, "call_%s%u_%zu", job->id + strlen(job->kind->id_prefix), u->index, i);
}

/* The one call of an answer {"name","arguments"}: as long as it is not complete there is none. */
static mn_rc demanded_call(mn_str text, mn_arena *ar, mn_oai_calls *ret, mn_err *e)
{
    mn_json *v = NULL;
    mn_buf args;
    mn_json_writer w;
    if (mn_json_parse(text, ar, &v, NULL) != MN_OK) return MN_OK;
    mn_buf_init(&args, MN_OAI_BODY);
    mn_json_writer_init(&w, &args, 0);
    mn_jw_tree(&w, mn_json_get(v, "arguments"));
    mn_tool_call *c = mn_arena_calloc(ar, 1, sizeof *c);
    if (c)
        *c = (mn_tool_call){mn_json_str(mn_json_get(v, "name")),
                            mn_str_dup(ar, mn_buf_str(&args))};
    mn_buf_release(&args);
    if (!c || !c->arguments.ptr) return mn_fail(e, MN_E_NOMEM, "out of memory for a tool call");
    if (c->name.ptr) *ret = (mn_oai_calls){c, 1, MN_STR("")};
    return MN_OK;
}

/* What an answer that has ended says: its calls, or the text alone. */
mn_oai_calls mn_oai_calls_of(const mn_oai_job *job, const mn_oai_unit *u, mn_arena *ar)
{
    mn_oai_calls c = {.text = mn_buf_str(&u->text)};
    mn_err e = {0};
    mn_rc rc = MN_OK;
    mn_tool_call named = {job->tool, c.text};
    if (job->tools == MN_OAI_TOOLS_NAMED) {
        mn_tool_call *copy = mn_arena_alloc(ar, sizeof *copy);
        if (copy) *copy = named, c = (mn_oai_calls){copy, 1, MN_STR("")};
    } else if (job->tools == MN_OAI_TOOLS_REQUIRED) {
        rc = demanded_call(c.text, ar, &c, &e);
    } else if (job->tools == MN_OAI_TOOLS_AUTO && !job->grammar) {
        rc = mn_chat_tool_calls(c.text, job->tool_list, ar, &c.list, &c.n, &c.text, &e);
    }
    return rc == MN_OK ? c : (mn_oai_calls){.text = mn_buf_str(&u->text)};
}

/* What could be a tool call is held back until it is known. */
size_t mn_oai_plain_part(const mn_oai_job *job, const mn_oai_unit *u)
{
    if (job->tools == MN_OAI_TOOLS_REQUIRED) return 0;
    if (job->tools != MN_OAI_TOOLS_AUTO || job->grammar) return u->text.len;
    return mn_oai_tools_plain(mn_buf_str(&u->text));
}
