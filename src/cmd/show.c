/* mynah show: what this program offers and how it is set, for documents and for people. */
#include <stdio.h>

#include "api/api.h"
#include "base/args.h"
#include "cmd/cmd.h"
#include "social/limits.h"

static mn_rc print(const mn_buf *b, mn_err *e)
{
    if (b->failed) return mn_fail(e, b->failed, "out of memory");
    fwrite(b->ptr ? b->ptr : "", 1, b->len, stdout);
    return fflush(stdout) ? mn_fail_errno(e, MN_E_IO, "cannot write to stdout") : MN_OK;
}

static mn_rc limits(const char *data, mn_buf *b, mn_err *e)
{
    mn_home h;
    mn_limits *l = NULL;
    MN_TRY(mn_home_open(data, &h, e));
    mn_rc rc = mn_limits_new(h.store, h.conf, &l, e);
    if (rc == MN_OK) rc = mn_limits_markdown(l, b, e);
    mn_limits_free(l);
    mn_home_close(&h);
    return rc;
}

static mn_rc routes(const char *data, mn_buf *b, mn_err *e)
{
    (void)data;
    return mn_api_routes_list(b, e);
}

/* Both verbs take no argument. */
static int show(int argc, char **argv, const mn_usage *u, const mn_opt *opts, const char **data,
                mn_rc (*write)(const char *data, mn_buf *b, mn_err *e))
{
    mn_err e = {0};
    mn_buf b;
    int n = 0;
    mn_buf_init(&b, 0);
    mn_rc rc = mn_args_parse(argc, argv, u, opts, &n, &e);
    if (rc == MN_OK && n > 0)
        rc =
            mn_fail(&e, MN_E_USAGE, "'%s' is too much; %s takes no argument", argv[1], u->name);
    if (rc == MN_OK) rc = write(*data, &b, &e);
    if (rc == MN_OK) rc = print(&b, &e);
    mn_buf_release(&b);
    return rc == MN_OK ? 0 : mn_cmd_failed(u->name, &e, false);
}

static int cmd_limits(int argc, char **argv)
{
    const char *data = NULL;
    const mn_opt opts[] = {MN_CMD_OPT_DATA(&data), {0}};
    static const mn_usage u = {
        "show limits", "",
        "How often, how much, and what plans include, as this data folder is set: in Markdown.",
        "mynah show limits"};
    return show(argc, argv, &u, opts, &data, limits);
}

static int cmd_routes(int argc, char **argv)
{
    const char *data = NULL;
    const mn_opt opts[] = {MN_CMD_OPT_DATA(&data), {0}};
    static const mn_usage u = {
        "show routes", "",
        "Every address the server answers, in the order in which they are tried, with the "
        "scope it asks for.",
        "mynah show routes | grep admin"};
    return show(argc, argv, &u, opts, &data, routes);
}

int mn_cmd_show(int argc, char **argv)
{
    static const mn_cmd verbs[] = {
        {"limits", cmd_limits, "how often, how much, and what plans include"},
        {"routes", cmd_routes, "every address the server answers"},
        {0},
    };
    return mn_cmd_verbs("show", verbs, argc, argv);
}
