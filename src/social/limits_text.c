/* The tables of limits as a document: Markdown for docs/limits.md, HTML for /about/limits. One walk over the tables; what differs
 * is how a heading, a paragraph and a table's cells are written. */
#include "social/limits_int.h"

#include <stdio.h>

#include "text/html.h"

typedef struct sheet {
    mn_buf *b;
    bool html;
} sheet;

static void text(const sheet *s, const char *z)
{
    if (s->html) mn_html_escape(mn_str_from(z), s->b);
    else mn_buf_addz(s->b, z);
}

static void heading(const sheet *s, int level, const char *z)
{
    if (s->html) mn_buf_addf(s->b, "<h%d>", level);
    else mn_buf_addz(s->b, level == 1 ? "# " : "\n## ");
    text(s, z);
    if (s->html) mn_buf_addf(s->b, "</h%d>", level);
    else mn_buf_addz(s->b, "\n");
}

static void paragraph(const sheet *s, const char *z)
{
    mn_buf_addz(s->b, s->html ? "<p>" : "\n");
    text(s, z);
    mn_buf_addz(s->b, s->html ? "</p>" : "\n");
}

static void row(const sheet *s, bool head, const char *const *cells, int n)
{
    mn_buf_addz(s->b, s->html ? "<tr>" : "|");
    for (int i = 0; i < n; i++) {
        mn_buf_addz(s->b, !s->html ? " " : head ? "<th scope=\"col\">" : "<td>");
        text(s, cells[i]);
        mn_buf_addz(s->b, !s->html ? " |" : head ? "</th>" : "</td>");
    }
    mn_buf_addz(s->b, s->html ? "</tr>" : "\n");
    if (!head || s->html) return;
    mn_buf_addz(s->b, "|");
    for (int i = 0; i < n; i++) mn_buf_addz(s->b, " --- |");
    mn_buf_addz(s->b, "\n");
}

static void table_begin(const sheet *s, const char *const *names, int n)
{
    mn_buf_addz(s->b, s->html ? "<div class=\"table\"><table><thead>" : "\n");
    row(s, true, names, n);
    if (s->html) mn_buf_addz(s->b, "</thead><tbody>");
}

static void table_end(const sheet *s)
{
    if (s->html) mn_buf_addz(s->b, "</tbody></table></div>");
}

/* 1234567 → "1,234,567"; bytes of a size that MB divides → "16 MB" */
static void number(uint64_t n, bool bytes, char ret[48])
{
    char plain[24];
    if (bytes && n >= 1000000) {
        snprintf(ret, 48, "%.4g MB", (double)n / 1048576);
        return;
    }
    int len = snprintf(plain, sizeof plain, "%llu", (unsigned long long)n), k = 0;
    for (int i = 0; i < len; i++) {
        if (i && (len - i) % 3 == 0) ret[k++] = ',';
        ret[k++] = plain[i];
    }
    ret[k] = 0;
}

static void period(uint32_t s, char ret[48])
{
    if (s % 3600 == 0)
        snprintf(ret, 48, s == 3600 ? "an hour" : s == 86400 ? "a day" : "%u hours", s / 3600);
    else snprintf(ret, 48, s == 60 ? "a minute" : "%u minutes", s / 60);
}

static const char *by_name(mn_limit_by by)
{
    static const char *const names[] = {[MN_BY_ADDRESS] = "an address",
                                        [MN_BY_STRANGER] = "an address, not signed in",
                                        [MN_BY_ACCOUNT] = "a member",
                                        [MN_BY_TOKEN] = "an app's token",
                                        [MN_BY_NAME] = "the account that is named"};
    return names[by];
}

static void rates(const mn_limits *l, const sheet *s)
{
    static const char *const names[] = {"what", "how many", "in", "by"};
    heading(s, 2, "How often");
    paragraph(s,
              "Each request of a kind is counted; when there were as many as stand here, the "
              "next is answered 429 until the time is over. X-RateLimit-Limit, "
              "X-RateLimit-Remaining and X-RateLimit-Reset say how it stands. Times begin "
              "at multiples of their length.");
    if (!l->rates_on) paragraph(s, "They are switched off here (rate_limits = off).");
    table_begin(s, names, 4);
    for (size_t i = 0; mn_rates[i].name; i++) {
        char n[48], in[48];
        if (mn_rates[i].by == MN_BY_PLAN) continue; /* stands among what is included */
        number(l->counts[i], false, n);
        period(mn_rates[i].period_s, in);
        const char *cells[] = {mn_rates[i].help, n, in, by_name(mn_rates[i].by)};
        row(s, false, cells, 4);
    }
    table_end(s);
}

static void cell_of(const mn_limits *l, int item, int level, char ret[48])
{
    uint64_t n = l->plan[level][item];
    bool none = level == MN_LEVEL_ANONYMOUS && item != MN_PLAN_READS;
    if (none) snprintf(ret, 48, "-");
    else if (item == MN_PLAN_READS && level == MN_LEVEL_ANONYMOUS && l->members_only)
        snprintf(ret, 48, "none");
    else if (n == 0) snprintf(ret, 48, "no limit");
    else number(n, strcmp(mn_plan[item].unit, "bytes") == 0, ret);
}

static void plan(const mn_limits *l, const sheet *s)
{
    static const char *const names[] = {"", "not signed in", "new", "member", "with a plan"};
    heading(s, 2, "What is included");
    char about[320];
    snprintf(
        about, sizeof about,
        "A member is new for %llu day%s and until there are %llu post%s. Reading is counted "
        "by day and starts anew at midnight UTC; X-Mynah-Reading-Limit, "
        "X-Mynah-Reading-Used and X-Mynah-Reading-Reset say how it stands.",
        (unsigned long long)l->new_days, l->new_days == 1 ? "" : "s",
        (unsigned long long)l->new_posts, l->new_posts == 1 ? "" : "s");
    paragraph(s, about);
    table_begin(s, names, 5);
    for (int i = 0; i < MN_PLAN_ITEMS; i++) {
        char cells[MN_LEVELS][48];
        const char *line[1 + MN_LEVELS] = {mn_plan[i].help};
        for (int k = 0; k < MN_LEVELS; k++) {
            cell_of(l, i, k, cells[k]);
            line[k + 1] = cells[k];
        }
        row(s, false, line, 1 + MN_LEVELS);
    }
    table_end(s);
}

static mn_rc write(const mn_limits *l, const sheet *s, mn_err *e)
{
    heading(s, 1, "Limits and plans");
    plan(l, s);
    rates(l, s);
    return s->b->failed ? mn_fail(e, s->b->failed, "out of memory writing the limits") : MN_OK;
}

mn_rc mn_limits_markdown(const mn_limits *l, mn_buf *ret, mn_err *e)
{
    sheet s = {ret, false};
    return write(l, &s, e);
}

mn_rc mn_limits_html(const mn_limits *l, mn_buf *ret, mn_err *e)
{
    sheet s = {ret, true};
    return write(l, &s, e);
}
