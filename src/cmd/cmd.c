/* What all subcommands share: how a failure is told, and commands made of verbs. */
#include "cmd/cmd.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"

mn_rc mn_cmd_print(mn_buf *b, mn_err *e)
{
    mn_rc rc = b->failed ? mn_fail(e, b->failed, "out of memory for the result") : MN_OK;
    if (rc == MN_OK) puts(b->ptr);
    mn_buf_release(b);
    return rc;
}

static void print_json(const mn_err *e)
{
    mn_buf b;
    mn_json_writer w;
    mn_buf_init(&b, 0);
    mn_json_writer_init(&w, &b, 0);
    mn_jw_object(&w);
    mn_jw_key(&w, "error");
    mn_jw_object(&w);
    mn_jw_kstrz(&w, "code", mn_rc_name(e->rc));
    mn_jw_kstrz(&w, "message", e->msg);
    mn_jw_object_end(&w);
    mn_jw_object_end(&w);
    (void)mn_cmd_print(&b, NULL);
}

int mn_cmd_failed(const char *name, const mn_err *e, bool json)
{
    if (e->rc == MN_E_CANCELLED && strcmp(e->msg, MN_ARGS_HELPED) == 0) return 0;
    fflush(stdout);
    fprintf(stderr, "mynah %s: %s\n", name, e->msg[0] ? e->msg : mn_rc_name(e->rc));
    if (json) print_json(e);
    return e->rc == MN_E_USAGE ? 2 : 1;
}

/* After a moment in which the rank that tells can do so. */
int mn_cmd_failed_together(const char *name, const mn_err *e, bool json, mn_ranks *ranks)
{
    int code = e->rc == MN_E_USAGE ? 2 : 1;
    if (mn_ranks_tells(ranks)) code = mn_cmd_failed(name, e, json);
    if (mn_ranks_agreed(ranks)) return code;
    if (!mn_ranks_tells(ranks)) sleep(1);
    fflush(NULL);
    mn_ranks_abort(ranks);
    return code;
}

static void list_verbs(FILE *f, const char *name, const mn_cmd *verbs)
{
    fprintf(f, "Usage: mynah %s VERB [OPTION]…\n\nVerbs:\n", name);
    for (const mn_cmd *v = verbs; v->name; v++) fprintf(f, "  %-12s %s\n", v->name, v->summary);
    fprintf(f, "\n`mynah %s VERB --help` says more about each.\n", name);
}

int mn_cmd_verbs(const char *name, const mn_cmd *verbs, int argc, char **argv)
{
    mn_err e = {0};
    const char *verb = argc > 1 ? argv[1] : NULL;
    if (verb && (strcmp(verb, "--help") == 0 || strcmp(verb, "-h") == 0)) {
        list_verbs(stdout, name, verbs);
        return 0;
    }
    for (const mn_cmd *v = verbs; verb && v->name; v++)
        if (strcmp(v->name, verb) == 0) return v->run(argc - 1, argv + 1);
    if (verb) {
        mn_fail(&e, MN_E_USAGE, "there is no verb '%.64s'; see `mynah %s --help`", verb, name);
        return mn_cmd_failed(name, &e, false);
    }
    list_verbs(stderr, name, verbs);
    return 2;
}
