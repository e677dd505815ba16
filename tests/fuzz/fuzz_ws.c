/* module: net
 *
 * Frames of a client, cut anywhere: the first byte says how the rest arrives. However it is cut, the same messages come out,
 * and what comes out keeps its promises. */
#include <stdlib.h>

#include "net/ws_frame.h"

#define MUST(x)                                                                                \
    do {                                                                                       \
        if (!(x)) abort();                                                                     \
    } while (0)
#define LIMIT 4096

typedef struct outcome {
    unsigned n;
    uint64_t sum;
    int code;
} outcome;

static void check(const mn_ws_event *ev, const mn_ws_parser *p)
{
    MUST(p->message.len <= LIMIT);
    if (ev->what == MN_WS_TEXT) MUST(ev->data.len <= LIMIT && mn_utf8_valid(ev->data));
    if (ev->what == MN_WS_PING || ev->what == MN_WS_PONG) MUST(ev->data.len <= 125);
    if (ev->what == MN_WS_CLOSED)
        MUST((ev->code == 1005 || mn_ws_code_valid(ev->code)) && mn_utf8_valid(ev->data));
    if (ev->what == MN_WS_BROKEN) MUST(ev->code >= 1002 && ev->code <= 1011);
}

static outcome read_all(const char *in, size_t n, size_t step)
{
    outcome o = {0};
    mn_ws_parser p;
    mn_ws_parser_init(&p, LIMIT);
    for (size_t at = 0; at < n && !o.code;) {
        size_t part = n - at < step ? n - at : step, used = 0;
        mn_ws_event ev = mn_ws_parse(&p, in + at, part, &used);
        MUST(used <= part && (used > 0 || ev.what != MN_WS_MORE));
        MUST(ev.what != MN_WS_MORE || used == part);
        check(&ev, &p);
        at += used;
        if (ev.what == MN_WS_MORE) continue;
        o.n++;
        for (size_t i = 0; i < ev.data.len; i++) o.sum = o.sum * 31 + (uint8_t)ev.data.ptr[i];
        o.sum = o.sum * 31 + (uint64_t)ev.what;
        if (ev.what == MN_WS_CLOSED || ev.what == MN_WS_BROKEN) o.code = ev.code;
    }
    mn_ws_parser_release(&p);
    return o;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1 || size > 20000) return 0;
    const char *in = (const char *)data + 1;
    outcome whole = read_all(in, size - 1, SIZE_MAX),
            cut = read_all(in, size - 1, data[0] % 17 + 1);
    MUST(whole.n == cut.n && whole.sum == cut.sum && whole.code == cut.code);
    char accept[29];
    if (mn_ws_accept((mn_str){in, size - 1}, accept)) MUST(strlen(accept) == 28);
    (void)mn_ws_list_has((mn_str){in, size - 1}, "upgrade");
    return 0;
}
