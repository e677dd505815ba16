/* Command-line options: see args.h. One pass over argv; positionals are moved to the front as they are met, which never
 * overtakes the reading position. Values of repeated options are kept in the caller's table, so nothing is allocated
 * but the help text. */
#include "base/args.h"

#include <stdio.h>

/* Where the parser stands. */
typedef struct parser {
    int argc, at;
    char **argv;
    const mn_usage *u;
    const mn_opt *opts;
    mn_err *e;
} parser;

/* ---- errors -------------------------------------------------------------------------------------------------- */

static mn_rc unknown(const parser *p, mn_str name)
{
    const char *best = NULL;
    size_t least = SIZE_MAX;
    for (const mn_opt *o = p->opts; o->name; o++) {
        size_t d = mn_str_distance(name, mn_str_from(o->name));
        if (d < least) least = d, best = o->name;
    }
    name = mn_utf8_cut(name, 60);
    if (best && least <= 2 + name.len / 3)
        return mn_fail(p->e, MN_E_USAGE, "unknown option '--%.*s'; did you mean '--%s'?",
                       MN_STR_FMT(name), best);
    return mn_fail(p->e, MN_E_USAGE, "unknown option '--%.*s'; see `mynah %s --help`",
                   MN_STR_FMT(name), p->u->name);
}

static mn_rc bad_value(const parser *p, const mn_opt *o, const char *value,
                       const char *expected)
{
    return mn_fail(p->e, MN_E_USAGE, "option '--%s': expected %s, not '%.100s'", o->name,
                   expected, value);
}

/* ---- one option ---------------------------------------------------------------------------------------------- */

static const mn_opt *by_name(const mn_opt *opts, mn_str name)
{
    for (; opts->name; opts++)
        if (mn_str_eqz(name, opts->name)) return opts;
    return NULL;
}

static const mn_opt *by_letter(const mn_opt *opts, char letter)
{
    for (; opts->name; opts++)
        if (opts->letter && opts->letter == letter) return opts;
    return NULL;
}

static mn_rc add_str(const parser *p, const mn_opt *o, const char *value)
{
    mn_opt_strs *list = o->ret;
    if (list->n >= MN_OPT_STRS_MAX)
        return mn_fail(p->e, MN_E_USAGE, "option '--%s' may be given %d times at most", o->name,
                       MN_OPT_STRS_MAX);
    list->items[list->n++] = value;
    return MN_OK;
}

static mn_rc set(const parser *p, const mn_opt *o, const char *value)
{
    mn_str s = mn_str_from(value);
    mn_rc rc;
    switch (o->type) {
    case MN_OPT_FLAG:
        *(bool *)o->ret = true;
        return MN_OK;
    case MN_OPT_STR:
        *(const char **)o->ret = value;
        return MN_OK;
    case MN_OPT_STRS:
        return add_str(p, o, value);
    case MN_OPT_I64:
        rc = mn_str_to_i64(s, o->ret);
        if (rc == MN_E_LIMIT) return bad_value(p, o, value, "a whole number of 64 bits");
        return rc == MN_OK ? rc : bad_value(p, o, value, "a whole number");
    case MN_OPT_U64:
        rc = mn_str_to_u64(s, o->ret);
        if (rc == MN_E_LIMIT) return bad_value(p, o, value, "a whole number of 64 bits");
        return rc == MN_OK ? rc : bad_value(p, o, value, "a whole number, 0 or more");
    case MN_OPT_F64:
        rc = mn_str_to_f64(s, o->ret);
        return rc == MN_OK ? rc : bad_value(p, o, value, "a number");
    }
    return mn_fail(p->e, MN_E_USAGE, "option '--%s' has no known type", o->name);
}

/* The option's value from the next argument. */
static mn_rc set_from_next(parser *p, const mn_opt *o)
{
    if (p->at + 1 >= p->argc)
        return mn_fail(p->e, MN_E_USAGE, "option '--%s' needs a value: %s", o->name,
                       o->value ? o->value : "VALUE");
    return set(p, o, p->argv[++p->at]);
}

static mn_rc long_option(parser *p)
{
    const char *arg = p->argv[p->at] + 2, *equals = strchr(arg, '=');
    mn_str name = {arg, equals ? (size_t)(equals - arg) : strlen(arg)};
    const mn_opt *o = by_name(p->opts, name);
    if (!o) return unknown(p, name);
    if (o->type != MN_OPT_FLAG) return equals ? set(p, o, equals + 1) : set_from_next(p, o);
    if (equals) return mn_fail(p->e, MN_E_USAGE, "option '--%s' takes no value", o->name);
    return set(p, o, NULL);
}

/* "-n 5", "-n5" and flags run together as in "-qv". */
static mn_rc short_options(parser *p)
{
    for (const char *c = p->argv[p->at] + 1; *c; c++) {
        const mn_opt *o = by_letter(p->opts, *c);
        if (!o)
            return mn_fail(p->e, MN_E_USAGE, "unknown option '-%c'; see `mynah %s --help`",
                           *c > ' ' && *c < 127 ? *c : '?', p->u->name);
        if (o->type != MN_OPT_FLAG) return c[1] ? set(p, o, c + 1) : set_from_next(p, o);
        MN_TRY(set(p, o, NULL));
    }
    return MN_OK;
}

/* ---- the whole line ------------------------------------------------------------------------------------------ */

/* "-" alone and negative numbers are not options. */
static bool is_option(const parser *p, const char *arg)
{
    if (arg[0] != '-' || arg[1] == '\0') return false;
    bool digit = arg[1] >= '0' && arg[1] <= '9';
    return !digit || by_letter(p->opts, arg[1]) != NULL;
}

static bool wants_help(int argc, char **argv, const mn_opt *opts)
{
    bool h_is_ours = !by_letter(opts, 'h');
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (strcmp(argv[i], "--help") == 0 || (h_is_ours && strcmp(argv[i], "-h") == 0))
            return true;
    return false;
}

static mn_rc print_help(const mn_usage *u, const mn_opt *opts, mn_err *e)
{
    mn_buf b;
    mn_buf_init(&b, 0);
    mn_args_help(u, opts, &b);
    mn_rc rc = b.failed == MN_OK ? mn_fail(e, MN_E_CANCELLED, MN_ARGS_HELPED)
                                 : mn_fail(e, b.failed, "out of memory for the help");
    fwrite(b.ptr, 1, b.len, stdout);
    fflush(stdout);
    mn_buf_release(&b);
    return rc;
}

mn_rc mn_args_parse(int argc, char **argv, const mn_usage *u, const mn_opt *opts,
                    int *ret_n_pos, mn_err *e)
{
    parser p = {.argc = argc, .at = 1, .argv = argv, .u = u, .opts = opts, .e = e};
    bool ended = false;
    int n_pos = 0;
    if (wants_help(argc, argv, opts)) return print_help(u, opts, e);
    for (; p.at < argc; p.at++) {
        char *arg = argv[p.at];
        if (!ended && strcmp(arg, "--") == 0) ended = true;
        else if (!ended && strncmp(arg, "--", 2) == 0) MN_TRY(long_option(&p));
        else if (!ended && is_option(&p, arg)) MN_TRY(short_options(&p));
        else argv[++n_pos] = arg;
    }
    *ret_n_pos = n_pos;
    return MN_OK;
}

/* ---- help ---------------------------------------------------------------------------------------------------- */

enum { WIDTH = 96, COLUMN_MAX = 30 };

static size_t option_width(const mn_opt *o)
{
    return 2 + strlen(o->name) + (o->value ? 1 + mn_utf8_count(mn_str_from(o->value)) : 0);
}

static void add_blanks(mn_buf *b, size_t n)
{
    while (n--) mn_buf_addc(b, ' ');
}

/* Text in lines of WIDTH columns, the first beginning at `column`, the others indented to `indent`; \n is kept. */
static void add_wrapped(mn_buf *b, const char *text, size_t indent)
{
    for (mn_str line, rest = mn_str_from(text); rest.ptr;) {
        line = mn_str_split(rest, '\n', &rest);
        size_t at = indent;
        for (mn_str word, words = line; words.ptr;) {
            word = mn_str_split(words, ' ', &words);
            size_t w = mn_utf8_count(word);
            if (at > indent && at + 1 + w > WIDTH) {
                mn_buf_addc(b, '\n');
                add_blanks(b, indent);
                at = indent;
            } else if (at > indent) {
                mn_buf_addc(b, ' ');
                at++;
            }
            mn_buf_adds(b, word);
            at += w;
        }
        mn_buf_addc(b, '\n');
        if (rest.ptr) add_blanks(b, indent);
    }
}

static void add_option(mn_buf *b, const mn_opt *o, size_t column)
{
    if (o->letter) mn_buf_addf(b, "  -%c, ", o->letter);
    else mn_buf_addz(b, "      ");
    mn_buf_addf(b, "--%s", o->name);
    if (o->value) mn_buf_addf(b, " %s", o->value);
    size_t width = option_width(o);
    if (width > column) {
        mn_buf_addc(b, '\n');
        add_blanks(b, 6 + column + 2);
    } else {
        add_blanks(b, column - width + 2);
    }
    add_wrapped(b, o->help ? o->help : "", 6 + column + 2);
}

static void add_example(mn_buf *b, const char *example)
{
    mn_buf_addz(b, "\nExample:\n");
    for (mn_str line, rest = mn_str_from(example); rest.ptr;) {
        line = mn_str_split(rest, '\n', &rest);
        mn_buf_addf(b, "  %.*s\n", MN_STR_FMT(line));
    }
}

void mn_args_help(const mn_usage *u, const mn_opt *opts, mn_buf *ret)
{
    static const mn_opt help = {"help", 'h',  MN_OPT_FLAG,
                                NULL,   NULL, "Print this help and exit."};
    size_t column = option_width(&help);
    for (const mn_opt *o = opts; o->name; o++) {
        size_t w = option_width(o);
        if (w > column && w <= COLUMN_MAX) column = w;
    }
    mn_buf_addf(ret, "Usage: mynah %s%s%s\n", u->name, u->synopsis && *u->synopsis ? " " : "",
                u->synopsis ? u->synopsis : "");
    if (u->about) {
        mn_buf_addc(ret, '\n');
        add_wrapped(ret, u->about, 0);
    }
    mn_buf_addz(ret, "\nOptions:\n");
    for (const mn_opt *o = opts; o->name; o++) add_option(ret, o, column);
    mn_opt last = help;
    if (by_letter(opts, 'h')) last.letter = 0;
    if (!by_name(opts, MN_STR("help"))) add_option(ret, &last, column);
    if (u->example) add_example(ret, u->example);
}
