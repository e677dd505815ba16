#include "net/mail.h"

#include <ctype.h>
#include <pthread.h>

#include "raw.h"

/* A mail server of one conversation: keeps what it is told, answers by the first word. */
typedef struct post_office {
    int listener, port;
    pthread_t thread;
    const char *mail, *rcpt, *data, *auth; /* answers; NULL: 250 */
    char heard[1 << 16];
    size_t n;
} post_office;

static void say(int fd, const char *z)
{
    raw_say(fd, z, strlen(z));
}

static bool line_of(int fd, char *line, size_t cap)
{
    size_t n = 0;
    while (n + 1 < cap && recv(fd, line + n, 1, 0) == 1)
        if (line[n++] == '\n') return line[n] = 0, true;
    return false;
}

static void *serve(void *arg)
{
    post_office *o = arg;
    char line[4096];
    bool in_data = false, in_auth = false;
    int fd = accept(o->listener, NULL, NULL);
    say(fd, "220 test ESMTP\r\n");
    while (line_of(fd, line, sizeof line)) {
        size_t k = strlen(line);
        if (o->n + k < sizeof o->heard) memcpy(o->heard + o->n, line, k), o->n += k;
        if (in_data) {
            if (strcmp(line, ".\r\n") != 0) continue;
            in_data = false;
            say(fd, "250 taken\r\n");
        } else if (!strncmp(line, "EHLO", 4)) say(fd, "250-test\r\n250 AUTH PLAIN\r\n");
        else if (in_auth) {
            in_auth = false;
            say(fd, o->auth ? o->auth : "235 welcome\r\n");
        } else if (!strncmp(line, "AUTH", 4)) {
            in_auth = true;
            say(fd, "334 \r\n");
        } else if (!strncmp(line, "MAIL", 4)) say(fd, o->mail ? o->mail : "250 ok\r\n");
        else if (!strncmp(line, "RCPT", 4)) say(fd, o->rcpt ? o->rcpt : "250 ok\r\n");
        else if (!strncmp(line, "DATA", 4)) {
            say(fd, o->data ? o->data : "354 go on\r\n");
            in_data = !o->data;
        } else if (!strncmp(line, "QUIT", 4)) {
            say(fd, "221 bye\r\n");
            break;
        } else say(fd, "250 ok\r\n");
    }
    close(fd);
    return NULL;
}

static void open_office(post_office *o)
{
    struct sockaddr_in a = {.sin_family = AF_INET};
    socklen_t n = sizeof a;
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    o->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(o->listener, (struct sockaddr *)&a, n) != 0 || listen(o->listener, 1) != 0 ||
        getsockname(o->listener, (struct sockaddr *)&a, &n) != 0)
        fail_msg("cannot listen");
    o->port = ntohs(a.sin_port);
    assert_int_equal(pthread_create(&o->thread, NULL, serve, o), 0);
}

static mn_rc send_by(post_office *o, const char *user, const char *text, mn_err *e)
{
    char url[64];
    open_office(o);
    snprintf(url, sizeof url, "smtp://127.0.0.1:%d", o->port);
    mn_mail_server s = {.url = url,
                        .user = user,
                        .password = "geheim",
                        .from = "Die Vögel <notices@example.org>",
                        .timeout_ms = 5000};
    mn_rc rc = mn_mail_send(&s,
                            &(mn_mail){.to = MN_STR("someone@example.net"),
                                       .subject = MN_STR("Confirm"),
                                       .text = mn_str_from(text)},
                            e);
    pthread_join(o->thread, NULL);
    close(o->listener);
    o->heard[o->n < sizeof o->heard ? o->n : sizeof o->heard - 1] = 0;
    return rc;
}

static void a_mail_is_handed_to_the_server(void **state)
{
    static post_office o;
    mn_err e = {0};
    (void)state;
    RUN(send_by(&o, NULL, "hello\n.\nthe line above is one dot\n", &e));
    OK(strstr(o.heard, "MAIL FROM:<notices@example.org>\r\n"));
    OK(strstr(o.heard, "RCPT TO:<someone@example.net>\r\n"));
    OK(strstr(o.heard, "From: =?utf-8?B?RGllIFbDtmdlbA==?= <notices@example.org>\r\n"));
    OK(strstr(o.heard, "\r\nhello\r\n..\r\nthe line above is one dot\r\n.\r\n"));
    OK(!strstr(o.heard, "AUTH"));
}

static void it_signs_in_when_told_to(void **state)
{
    static post_office o, refusing = {.auth = "535 no\r\n"};
    mn_err e = {0};
    (void)state;
    RUN(send_by(&o, "bird", "x", &e));
    OK(strstr(o.heard, "AUTH PLAIN\r\nAGJpcmQAZ2VoZWlt\r\n")); /* \0bird\0geheim */
    FAILS(MN_E_DENIED, send_by(&refusing, "bird", "x", &e));
}

static void refusals_for_good_and_for_now_are_told_apart(void **state)
{
    static post_office never = {.rcpt = "550 no such user\r\n"},
                       later = {.rcpt = "451 greylisted\r\n"}, full = {.data = "452 disk\r\n"};
    mn_err e = {0};
    (void)state;
    FAILS(MN_E_DENIED, send_by(&never, NULL, "x", &e));
    FAILS(MN_E_BUSY, send_by(&later, NULL, "x", &e));
    FAILS(MN_E_BUSY, send_by(&full, NULL, "x", &e));
}

static void without_a_server_or_with_a_silent_one_it_fails_in_time(void **state)
{
    mn_err e = {0};
    mn_mail m = {.to = MN_STR("a@example.net"), .subject = MN_STR("s"), .text = MN_STR("t")};
    (void)state;
    FAILS(MN_E_USAGE, mn_mail_send(&(mn_mail_server){.from = "a@example.org"}, &m, &e));
    FAILS(MN_E_IO,
          mn_mail_send(&(mn_mail_server){.url = "smtp://127.0.0.1:1", .from = "a@example.org"},
                       &m, &e));
    FAILS(MN_E_IO,
          mn_mail_send(&(mn_mail_server){.url = "http://127.0.0.1:1", .from = "a@example.org"},
                       &m, &e));
}

static void compose(const mn_mail *m, mn_buf *b)
{
    mn_err e = {0};
    mn_mail_server s = {.from = "notices@example.org"};
    mn_buf_clear(b);
    RUN(mn_mail_compose(&s, m, INT64_C(1795305632000), b, &e));
}

static void headers_are_those_of_rfc_5322(void **state)
{
    mn_buf b;
    (void)state;
    mn_buf_init(&b, 0);
    compose(&(mn_mail){.to = MN_STR("a@example.net"),
                       .subject = MN_STR("Hello you"),
                       .text = MN_STR("x\n"),
                       .about = MN_STR("confirm-1")},
            &b);
    OK(!strncmp(b.ptr, "Date: Sun, 22 Nov 2026 00:00:32 +0000\r\n", 39));
    OK(strstr(b.ptr, "\r\nFrom: <notices@example.org>\r\n"));
    OK(strstr(b.ptr, "\r\nTo: <a@example.net>\r\n"));
    OK(strstr(b.ptr, "\r\nSubject: Hello you\r\n"));
    OK(strstr(b.ptr, "\r\nMessage-ID: <confirm-1.1795305632000."));
    OK(strstr(b.ptr, "@example.org>\r\n"));
    OK(strstr(b.ptr, "\r\nContent-Transfer-Encoding: quoted-printable\r\n"));
    OK(strstr(b.ptr, "\r\n\r\nx\r\n"));
    mn_buf_release(&b);
}

static void long_and_foreign_subjects_become_encoded_words(void **state)
{
    mn_buf b;
    (void)state;
    mn_buf_init(&b, 0);
    compose(&(mn_mail){.to = MN_STR("a@example.net"),
                       .subject = MN_STR("Ünïcödé süßes Fräulein öäü ÄÖÜ éèê 日本語のメール"),
                       .text = MN_STR("")},
            &b);
    const char *s = strstr(b.ptr, "Subject: "), *end = strstr(b.ptr, "\r\nMessage-ID");
    OK(s && end);
    for (const char *p = s; p < end; p++) OK(!((unsigned char)*p & 0x80));
    for (const char *p = s; p < end;) {
        const char *nl = strstr(p, "\r\n");
        OK(nl - p <= 76);
        OK(!strncmp(p, p == s ? "Subject: =?utf-8?B?" : " =?utf-8?B?", p == s ? 19 : 11));
        p = nl + 2;
    }
    compose(&(mn_mail){.to = MN_STR("a@example.net"),
                       .subject = MN_STR("=?utf-8?B?AA?="),
                       .text = MN_STR("")},
            &b);
    OK(strstr(b.ptr, "Subject: =?utf-8?B?PT91dGYtOD9CP0FBPz0=?=\r\n"));
    mn_buf_release(&b);
}

static void body_lines_stay_short_and_ascii(void **state)
{
    mn_buf b;
    char text[400];
    (void)state;
    mn_buf_init(&b, 0);
    memset(text, 'a', sizeof text);
    memcpy(text + 150, " =é\t \n", 7);
    compose(
        &(mn_mail){.to = MN_STR("a@example.net"), .subject = MN_STR("s"), .text = {text, 400}},
        &b);
    const char *p = strstr(b.ptr, "\r\n\r\n") + 4;
    OK(strstr(p, "=3D=C3=A9\t=20\r\n")); /* a blank at a line's end is not lost */
    while (*p) {
        const char *nl = strstr(p, "\r\n");
        OK(nl && nl - p <= 76);
        for (; p < nl; p++) OK(!((unsigned char)*p & 0x80));
        p = nl + 2;
    }
    mn_buf_release(&b);
}

static void nothing_can_be_put_between_the_headers(void **state)
{
    static const char *const bad_to[] = {"a@example.net\r\nBcc: b@example.net",
                                         "a@example.net>, <b@example.net",
                                         "a b@example.net",
                                         "\"a\"@example.net",
                                         "a@[127.0.0.1]",
                                         "a@example..net",
                                         ".a@example.net",
                                         "a.@example.net",
                                         "a..b@example.net",
                                         "@example.net",
                                         "a@",
                                         "a",
                                         "a@b",
                                         "a@-b.example",
                                         "a@b-.example",
                                         "a%b@example.net",
                                         "a@b@example.net",
                                         "-a@example.net",
                                         "a@exa mple.net",
                                         "",
                                         "a@example.net\n",
                                         "a@ex\xc3\xa4mple.net",
                                         "a(c)@example.net"};
    mn_err e = {0};
    mn_buf b;
    (void)state;
    mn_buf_init(&b, 0);
    mn_mail_server s = {.from = "notices@example.org"};
    for (size_t i = 0; i < sizeof bad_to / sizeof *bad_to; i++)
        FAILS(MN_E_PARSE,
              mn_mail_compose(&s,
                              &(mn_mail){.to = mn_str_from(bad_to[i]), .subject = MN_STR("s")},
                              0, &b, &e));
    mn_mail m = {.to = MN_STR("a@example.net"), .subject = MN_STR("s\r\nBcc: b@example.net")};
    FAILS(MN_E_PARSE, mn_mail_compose(&s, &m, 0, &b, &e));
    m.subject = MN_STR("s");
    m.about = MN_STR("x>\r\nY: z");
    FAILS(MN_E_PARSE, mn_mail_compose(&s, &m, 0, &b, &e));
    m.about = MN_STR("");
    s.from = "Someone\r\nBcc: b@example.net <a@example.org>";
    FAILS(MN_E_USAGE, mn_mail_compose(&s, &m, 0, &b, &e));
    s.from = "nobody";
    FAILS(MN_E_USAGE, mn_mail_compose(&s, &m, 0, &b, &e));
    RUN(mn_mail_address(MN_STR("first.last+tag@mail.example.co.uk"), NULL, &e));
    RUN(mn_mail_address(MN_STR("a@localhost"), NULL, &e));
    mn_buf_release(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_mail_is_handed_to_the_server),
        TEST(it_signs_in_when_told_to),
        TEST(refusals_for_good_and_for_now_are_told_apart),
        TEST(without_a_server_or_with_a_silent_one_it_fails_in_time),
        TEST(headers_are_those_of_rfc_5322),
        TEST(long_and_foreign_subjects_become_encoded_words),
        TEST(body_lines_stay_short_and_ascii),
        TEST(nothing_can_be_put_between_the_headers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
