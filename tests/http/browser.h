/* A browser for tests of pages: keeps cookies, remembers the csrf text of the last page, says where it was sent. */
#ifndef MN_TESTS_BROWSER_H
#define MN_TESTS_BROWSER_H

#include "http/masto.h"

#define JAR_MAX 8
static struct {
    char name[64], value[600];
} browser_jar[JAR_MAX];
static char browser_csrf[80], browser_location[4096], browser_body[8192];
static char browser_extra[256]; /* headers to add, each with CRLF */

static inline void browser_clear(void)
{
    memset(browser_jar, 0, sizeof browser_jar);
    browser_csrf[0] = browser_location[0] = browser_body[0] = browser_extra[0] = 0;
}

static inline void browser_keep(const char *name, size_t n, const char *value, size_t len)
{
    int free_at = -1;
    for (int i = 0; i < JAR_MAX; i++) {
        if (strlen(browser_jar[i].name) == n && memcmp(browser_jar[i].name, name, n) == 0) {
            free_at = i;
            break;
        }
        if (!browser_jar[i].name[0] && free_at < 0) free_at = i;
    }
    if (free_at < 0) fail_msg("the jar is full");
    snprintf(browser_jar[free_at].name, 64, len ? "%.*s" : "", (int)n, name);
    snprintf(browser_jar[free_at].value, 600, "%.*s", (int)len, value);
}
static inline const char *browser_cookie(const char *name)
{
    for (int i = 0; i < JAR_MAX; i++)
        if (strcmp(browser_jar[i].name, name) == 0) return browser_jar[i].value;
    return NULL;
}

/* Cookies, Location and the csrf text of the answer. */
static inline void browser_read(void)
{
    char *end = masto_answer + masto_answer_len - masto_body.len;
    browser_location[0] = 0;
    for (char *at = masto_answer; at < end;) {
        char *eol = memmem(at, (size_t)(end - at), "\r\n", 2);
        if (!eol) break;
        if (strncasecmp(at, "Set-Cookie: ", 12) == 0) {
            char *name = at + 12, *eq = strchr(name, '='), *semi = strchr(name, ';');
            browser_keep(name, (size_t)(eq - name), eq + 1, (size_t)(semi - eq - 1));
        }
        if (strncasecmp(at, "Location: ", 10) == 0)
            snprintf(browser_location, sizeof browser_location, "%.*s", (int)(eol - at - 10),
                     at + 10);
        at = eol + 2;
    }
    static const char mark[] = "name=\"csrf\" value=\"";
    const char *at = memmem(masto_body.ptr, masto_body.len, mark, sizeof mark - 1);
    if (at)
        snprintf(browser_csrf, sizeof browser_csrf, "%.*s",
                 (int)strcspn(at + sizeof mark - 1, "\""), at + sizeof mark - 1);
}

static inline int browser_ask(const char *method, const char *path, const char *body)
{
    char headers[6144];
    int n =
        snprintf(headers, sizeof headers, "Accept: text/html\r\n%sCookie: x=1", browser_extra);
    for (int i = 0; i < JAR_MAX; i++)
        if (browser_jar[i].name[0])
            n += snprintf(headers + n, sizeof headers - (size_t)n, "; %s=%s",
                          browser_jar[i].name, browser_jar[i].value);
    snprintf(headers + n, sizeof headers - (size_t)n, "\r\n%s",
             body ? "Content-Type: application/x-www-form-urlencoded\r\n" : "");
    int status = masto_raw(method, path, headers, body, body ? strlen(body) : 0);
    browser_read();
    return status;
}
static inline int browser_get(const char *path)
{
    return browser_ask("GET", path, NULL);
}
/* What the next post sends, with the csrf text of the last page. */
static inline void browser_form(const char *fields)
{
    snprintf(browser_body, sizeof browser_body, "%s&csrf=%s", fields, browser_csrf);
}
static inline void browser_form_without_csrf(const char *fields)
{
    snprintf(browser_body, sizeof browser_body, "%s", fields);
}
static inline int browser_post(const char *path)
{
    return browser_ask("POST", path, browser_body);
}
/* A parameter of the address the browser was sent to, as it stands there; fails the test when absent. */
static inline void browser_query(const char *name, char *ret, size_t cap)
{
    char key[64];
    snprintf(key, sizeof key, "%s=", name);
    for (char *at = strchr(browser_location, '?'); at; at = strchr(at, '&')) {
        at++;
        if (strncmp(at, key, strlen(key)) != 0) continue;
        snprintf(ret, cap, "%.*s", (int)strcspn(at + strlen(key), "&"), at + strlen(key));
        return;
    }
    fail_msg("no %s in '%s'", name, browser_location);
}
/* The value of a hidden field of the last page. */
static inline void browser_hidden(const char *name, char *ret, size_t cap)
{
    char mark[96];
    int n = snprintf(mark, sizeof mark, "name=\"%s\" value=\"", name);
    const char *at = memmem(masto_body.ptr, masto_body.len, mark, (size_t)n);
    if (!at) fail_msg("the page has no field %s", name);
    snprintf(ret, cap, "%.*s", (int)strcspn(at + n, "\""), at + n);
}

#endif
