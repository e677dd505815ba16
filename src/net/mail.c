/* Mail: an address checked, a message composed as RFC 5322 and MIME ask, handed to a server by libcurl. */
#include "net/mail.h"

#include <stdio.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/hash.h"
#include "net/client_int.h"

#define TIMEOUT_MS  30000
#define SUBJECT_MAX ((size_t)512)
#define NAME_MAX_   ((size_t)128)
#define WORD_BYTES  ((size_t)39) /* of text in one encoded word: 64 characters on the line */
#define LINE_MAX_   76

/* ---- addresses -------------------------------------------------------------------------------------------------- */

static bool alnum(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* Atoms with single dots between them. Of RFC 5322's characters those are left out that mail software has read as routes,
 * commands or patterns. */
static bool local_ok(mn_str s)
{
    char before = '.';
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        if (!alnum(c) && !(c && strchr("._+-'=&~#", c))) return false;
        if (c == '.' && before == '.') return false;
        before = c;
    }
    return s.len > 0 && s.len <= 64 && before != '.' && s.ptr[0] != '-';
}

static bool label_ok(mn_str s)
{
    for (size_t i = 0; i < s.len; i++)
        if (!alnum(s.ptr[i]) && s.ptr[i] != '-') return false;
    return s.len > 0 && s.len <= 63 && s.ptr[0] != '-' && s.ptr[s.len - 1] != '-';
}

static bool domain_ok(mn_str s)
{
    mn_str rest = s;
    int labels = 0;
    if (!s.len || s.len > 253) return false;
    for (; rest.ptr; labels++)
        if (!label_ok(mn_str_split(rest, '.', &rest))) return false;
    return labels > 1 || mn_str_eq_nocase(s, MN_STR("localhost"));
}

mn_rc mn_mail_address(mn_str s, mn_str *ret_domain, mn_err *e)
{
    mn_str domain = MN_STR_NONE, local = mn_str_split(s, '@', &domain);
    if (s.len > 254 || !domain.ptr || !local_ok(local) || !domain_ok(domain))
        return mn_fail(e, MN_E_PARSE, "that is not an e-mail address like name@example.org");
    if (ret_domain) *ret_domain = domain;
    return MN_OK;
}

/* "Name <address>" or "address". */
static mn_rc parse_from(const char *from, mn_str *ret_name, mn_str *ret_address,
                        mn_str *ret_domain, mn_err *e)
{
    mn_str s = mn_str_trim(mn_str_from(from ? from : "")), rest = MN_STR_NONE;
    mn_str name = mn_str_trim(mn_str_split(s, '<', &rest));
    if (rest.ptr && mn_str_ends(rest, ">")) rest.len--;
    else if (!rest.ptr) rest = name, name = MN_STR("");
    else rest = MN_STR("");
    if (name.len >= 2 && name.ptr[0] == '"' && name.ptr[name.len - 1] == '"')
        name = mn_str_sub(name, 1, name.len - 2);
    if (name.len > NAME_MAX_ || mn_mail_address(rest, ret_domain, NULL) != MN_OK)
        return mn_fail(e, MN_E_USAGE,
                       "mail_from must be an address, such as 'Notices <notices@example.org>'");
    *ret_name = name;
    *ret_address = rest;
    return MN_OK;
}

/* ---- the message ------------------------------------------------------------------------------------------------ */

static bool clean(mn_str s)
{
    for (size_t i = 0; i < s.len; i++)
        if ((unsigned char)s.ptr[i] < ' ' || s.ptr[i] == 0x7f) return false;
    return mn_utf8_valid(s);
}

static void add_base64(mn_buf *b, mn_str s)
{
    static const char digits[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < s.len; i += 3) {
        uint32_t v = 0;
        size_t n = s.len - i < 3 ? s.len - i : 3;
        for (size_t j = 0; j < 3; j++) v = v << 8 | (j < n ? (uint8_t)s.ptr[i + j] : 0);
        for (size_t j = 0; j < 4; j++)
            mn_buf_addc(b, j <= n ? digits[v >> (18 - 6 * j) & 63] : '=');
    }
}

/* Words of printable ASCII as they are when they fit a line and cannot be taken for anything else; else encoded words
 * (RFC 2047), cut between characters and folded. */
static void add_words(mn_buf *b, mn_str s)
{
    bool plain = s.len <= 60 && mn_str_find(s, MN_STR("=?"), 0) == SIZE_MAX;
    for (size_t i = 0; i < s.len; i++)
        if ((unsigned char)s.ptr[i] >= 0x7f || (s.ptr[i] && strchr("\"\\(),:;<>@[]", s.ptr[i])))
            plain = false;
    if (plain) {
        mn_buf_adds(b, s);
        return;
    }
    while (s.len) {
        mn_str word = mn_utf8_cut(s, WORD_BYTES);
        mn_buf_addz(b, "=?utf-8?B?");
        add_base64(b, word);
        mn_buf_addz(b, word.len < s.len ? "?=\r\n " : "?=");
        s = mn_str_sub(s, word.len, s.len);
    }
}

static void add_date(mn_buf *b, int64_t ms)
{
    static const char *const days[] = {"Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"};
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    int y, mo, d, h, mi, s;
    if (ms < 0) ms = 0;
    mn_time_to_civil(ms, &y, &mo, &d, &h, &mi, &s);
    mn_buf_addf(b, "Date: %s, %02d %s %04d %02d:%02d:%02d +0000\r\n", days[ms / 86400000 % 7],
                d, months[mo - 1], y, h, mi, s);
}

/* One line of text, quoted-printable, with soft breaks. */
static void add_line(mn_buf *b, mn_str line)
{
    size_t col = 0;
    for (size_t i = 0; i < line.len; i++) {
        unsigned char c = (unsigned char)line.ptr[i];
        bool last = i + 1 == line.len;
        bool literal = (c > ' ' && c < 0x7f && c != '=') || ((c == ' ' || c == '\t') && !last);
        size_t need = literal ? 1 : 3;
        if (col + need > LINE_MAX_ - 1) {
            mn_buf_addz(b, "=\r\n");
            col = 0;
        }
        if (literal) mn_buf_addc(b, (char)c);
        else mn_buf_addf(b, "=%02X", c);
        col += need;
    }
    mn_buf_addz(b, "\r\n");
}

static void add_body(mn_buf *b, mn_str text)
{
    while (text.ptr && text.len) {
        mn_str line = mn_str_split(text, '\n', &text);
        if (mn_str_ends(line, "\r")) line.len--;
        add_line(b, line);
    }
}

static mn_rc add_id(mn_buf *b, mn_str about, int64_t now_ms, mn_str domain, mn_err *e)
{
    uint8_t salt[8];
    char hex[2 * sizeof salt + 1];
    MN_TRY(mn_random_bytes(salt, sizeof salt, e));
    mn_buf_addf(b, "Message-ID: <%.*s%s%lld.%s@%.*s>\r\n", MN_STR_FMT(about),
                about.len ? "." : "", (long long)now_ms, mn_hex(salt, sizeof salt, hex),
                MN_STR_FMT(domain));
    return MN_OK;
}

static mn_rc check_mail(const mn_mail *m, mn_err *e)
{
    MN_TRY(mn_mail_address(m->to, NULL, e));
    if (!clean(m->subject))
        return mn_fail(e, MN_E_PARSE, "a mail's subject is one line of text");
    if (m->subject.len > SUBJECT_MAX)
        return mn_fail(e, MN_E_LIMIT, "a mail's subject has at most %zu bytes", SUBJECT_MAX);
    if (m->text.len > MN_MAIL_TEXT_MAX)
        return mn_fail(e, MN_E_LIMIT, "a mail's text has at most %u bytes", MN_MAIL_TEXT_MAX);
    if (!mn_utf8_valid(m->text)) return mn_fail(e, MN_E_PARSE, "a mail's text is UTF-8");
    for (size_t i = 0; i < m->about.len; i++)
        if (!alnum(m->about.ptr[i]) && m->about.ptr[i] != '-')
            return mn_fail(e, MN_E_PARSE, "a mail's id is made of letters, digits and '-'");
    return m->about.len <= 64 ? MN_OK
                              : mn_fail(e, MN_E_LIMIT, "a mail's id has at most 64 characters");
}

mn_rc mn_mail_compose(const mn_mail_server *s, const mn_mail *m, int64_t now_ms, mn_buf *ret,
                      mn_err *e)
{
    mn_str name, address, domain;
    MN_TRY(parse_from(s->from, &name, &address, &domain, e));
    if (!clean(name)) return mn_fail(e, MN_E_USAGE, "mail_from is one line of text");
    MN_TRY(check_mail(m, e));
    add_date(ret, now_ms);
    mn_buf_addz(ret, "From: ");
    add_words(ret, name);
    mn_buf_addf(ret, "%s<%.*s>\r\nTo: <%.*s>\r\nSubject: ", name.len ? " " : "",
                MN_STR_FMT(address), MN_STR_FMT(m->to));
    add_words(ret, m->subject);
    mn_buf_addz(ret, "\r\n");
    MN_TRY(add_id(ret, m->about, now_ms, domain, e));
    mn_buf_addz(ret, "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
                     "Content-Transfer-Encoding: quoted-printable\r\n"
                     "Auto-Submitted: auto-generated\r\n\r\n");
    add_body(ret, m->text);
    return ret->failed ? mn_fail(e, ret->failed, "no memory for a mail") : MN_OK;
}

/* ---- sending ---------------------------------------------------------------------------------------------------- */

static size_t on_read(char *to, size_t one, size_t n, void *arg)
{
    mn_str *left = arg;
    size_t take = one * n < left->len ? one * n : left->len;
    memcpy(to, left->ptr, take);
    left->ptr += take;
    left->len -= take;
    return take;
}

static size_t on_answer(char *p, size_t one, size_t n, void *arg)
{
    (void)p, (void)arg;
    return one * n;
}

/* A mail server on this machine needs no TLS, and often has a certificate for another name. */
static bool is_here(const char *url)
{
    static const char *const here[] = {"smtp://127.0.0.1", "smtp://localhost", "smtp://[::1]"};
    for (size_t i = 0; i < sizeof here / sizeof *here; i++) {
        size_t n = strlen(here[i]);
        if (!strncmp(url, here[i], n) && (!url[n] || url[n] == ':' || url[n] == '/'))
            return true;
    }
    return false;
}

static mn_rc sent(CURL *h, CURLcode code, mn_err *e)
{
    long said = 0;
    curl_easy_getinfo(h, CURLINFO_RESPONSE_CODE, &said);
    if (code == CURLE_OK) return MN_OK;
    if (code == CURLE_OUT_OF_MEMORY) return mn_fail(e, MN_E_NOMEM, "no memory to send a mail");
    if (code == CURLE_OPERATION_TIMEDOUT)
        return mn_fail(e, MN_E_BUSY, "the mail server takes too long");
    if (code == CURLE_LOGIN_DENIED)
        return mn_fail(e, MN_E_DENIED,
                       "the mail server refuses smtp_user and smtp_password (%ld)", said);
    if (code == CURLE_USE_SSL_FAILED)
        return mn_fail(
            e, MN_E_IO,
            "the mail server at smtp_url offers no STARTTLS; use smtps:// or one that "
            "does");
    if (said >= 500)
        return mn_fail(e, MN_E_DENIED, "the mail server refuses the mail (%ld)", said);
    if (said >= 400) return mn_fail(e, MN_E_BUSY, "the mail server says try later (%ld)", said);
    return mn_fail(e, MN_E_IO, "cannot send mail: %s", curl_easy_strerror(code));
}

static void set_options(CURL *h, const mn_mail_server *s, mn_str *text, const char *from,
                        struct curl_slist *to)
{
    curl_easy_setopt(h, CURLOPT_URL, s->url);
    curl_easy_setopt(h, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
    curl_easy_setopt(h, CURLOPT_PROXY, "");
    curl_easy_setopt(h, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    curl_easy_setopt(h, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(h, CURLOPT_USE_SSL,
                     (long)(is_here(s->url) ? CURLUSESSL_NONE : CURLUSESSL_ALL));
    curl_easy_setopt(h, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    curl_easy_setopt(h, CURLOPT_TIMEOUT_MS,
                     (long)(s->timeout_ms > 0 ? s->timeout_ms : TIMEOUT_MS));
    curl_easy_setopt(h, CURLOPT_MAIL_FROM, from);
    curl_easy_setopt(h, CURLOPT_MAIL_RCPT, to);
    curl_easy_setopt(h, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(h, CURLOPT_READFUNCTION, on_read);
    curl_easy_setopt(h, CURLOPT_READDATA, text);
    curl_easy_setopt(h, CURLOPT_WRITEFUNCTION, on_answer);
    if (s->ca_file) curl_easy_setopt(h, CURLOPT_CAINFO, s->ca_file);
    if (s->user && *s->user) {
        curl_easy_setopt(h, CURLOPT_USERNAME, s->user);
        curl_easy_setopt(h, CURLOPT_PASSWORD, s->password ? s->password : "");
    }
}

static mn_rc hand_over(const mn_mail_server *s, const mn_mail *m, mn_str text, mn_err *e)
{
    mn_str name, address, domain;
    char from[260], to[260];
    MN_TRY(parse_from(s->from, &name, &address, &domain, e));
    snprintf(from, sizeof from, "<%.*s>", MN_STR_FMT(address));
    snprintf(to, sizeof to, "<%.*s>", MN_STR_FMT(m->to));
    MN_TRY(mn_client__global(e));
    CURL *h = curl_easy_init();
    struct curl_slist *list = curl_slist_append(NULL, to);
    mn_rc rc;
    if (!h || !list) {
        rc = mn_fail(e, MN_E_NOMEM, "no memory to send a mail");
    } else {
        set_options(h, s, &text, from, list);
        rc = sent(h, curl_easy_perform(h), e);
    }
    curl_easy_cleanup(h);
    curl_slist_free_all(list);
    return rc;
}

mn_rc mn_mail_send(const mn_mail_server *s, const mn_mail *m, mn_err *e)
{
    mn_buf text;
    if (!s->url || !*s->url)
        return mn_fail(e, MN_E_USAGE, "no mail can be sent: set smtp_url and mail_from");
    mn_buf_init(&text, 0);
    mn_rc rc = mn_mail_compose(s, m, mn_now_ms(), &text, e);
    if (rc == MN_OK) rc = hand_over(s, m, mn_buf_str(&text), e);
    mn_buf_release(&text);
    return rc;
}
