/* Frames and handshake. A header is collected byte by byte (2 to 14), then its payload is unmasked as it comes: into the
 * message for data, into 125 bytes for control frames, which may stand between the fragments of a message. */
#include "net/ws_frame.h"

#include <openssl/evp.h>
#include <string.h>

#define OP_CONTINUED 0
#define OP_BINARY    2

void mn_ws_parser_init(mn_ws_parser *p, size_t message_max)
{
    memset(p, 0, sizeof *p);
    mn_buf_init(&p->message, message_max);
}

void mn_ws_parser_release(mn_ws_parser *p)
{
    mn_buf_release(&p->message);
}

static mn_ws_event broken(int code)
{
    return (mn_ws_event){.what = MN_WS_BROKEN, .code = code};
}

static int opcode_of(const mn_ws_parser *p)
{
    return p->head[0] & 0x0f;
}
static bool is_final(const mn_ws_parser *p)
{
    return p->head[0] & 0x80;
}
static bool is_control(const mn_ws_parser *p)
{
    return p->head[0] & 0x08;
}

/* How long the header is, as far as its first two bytes tell. */
static size_t head_size(const mn_ws_parser *p)
{
    if (p->n_head < 2) return 2;
    int n = p->head[1] & 0x7f;
    return 2u + (n == 126 ? 2u : n == 127 ? 8u : 0u) + 4u;
}

static uint64_t big_endian(const uint8_t *p, size_t n)
{
    uint64_t v = 0;
    for (size_t i = 0; i < n; i++) v = v << 8 | p[i];
    return v;
}

/* The close code for the first two bytes, 0 when they are in order. */
static int first_fault(const mn_ws_parser *p)
{
    int op = opcode_of(p), n = p->head[1] & 0x7f;
    if (p->head[0] & 0x70 || !(p->head[1] & 0x80)) return 1002; /* extensions; not masked */
    if (is_control(p)) return op > MN_WS_OP_PONG || !is_final(p) || n > 125 ? 1002 : 0;
    if (op > OP_BINARY) return 1002;
    if ((op == OP_CONTINUED) != p->in_message) return 1002;
    return op == OP_BINARY ? 1003 : 0;
}

/* The header is whole: its length, or the close code of its fault. */
static int read_length(mn_ws_parser *p)
{
    int n = p->head[1] & 0x7f;
    p->left = (uint64_t)n;
    if (n == 126) p->left = big_endian(p->head + 2, 2);
    if (n == 127) p->left = big_endian(p->head + 2, 8);
    if ((n == 126 && p->left < 126) || (n == 127 && p->left < 65536)) return 1002;
    if (p->left >> 63) return 1002;
    if (!is_control(p) && p->left > p->message.max - p->message.len) return 1009;
    p->at_mask = 0;
    p->n_control = 0;
    p->in_payload = true;
    if (!is_control(p)) p->in_message = true;
    return 0;
}

/* Takes header bytes; *ret_code is set when they are at fault. */
static size_t take_head(mn_ws_parser *p, const char *in, size_t n, int *ret_code)
{
    size_t used = 0;
    while (used < n && !p->in_payload && !*ret_code) {
        p->head[p->n_head++] = (uint8_t)in[used++];
        if (p->n_head == 2) *ret_code = first_fault(p);
        if (!*ret_code && p->n_head >= 2 && p->n_head == head_size(p))
            *ret_code = read_length(p);
    }
    return used;
}

static void unmask(mn_ws_parser *p, char *to, const char *from, size_t n)
{
    const uint8_t *key = p->head + p->n_head - 4;
    for (size_t i = 0; i < n; i++) to[i] = (char)((uint8_t)from[i] ^ key[(p->at_mask + i) & 3]);
    p->at_mask = (uint8_t)((p->at_mask + n) & 3);
    p->left -= n;
}

static mn_rc take_payload(mn_ws_parser *p, const char *in, size_t n)
{
    if (is_control(p)) {
        unmask(p, p->control + p->n_control, in, n);
        p->n_control = (uint8_t)(p->n_control + n);
        return MN_OK;
    }
    if (mn_buf_reserve(&p->message, n) != MN_OK) return MN_E_NOMEM;
    unmask(p, p->message.ptr + p->message.len, in, n);
    p->message.len += n;
    p->message.ptr[p->message.len] = 0;
    return MN_OK;
}

bool mn_ws_code_valid(int code)
{
    if (code >= 3000 && code <= 4999) return true;
    return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014);
}

static mn_ws_event closed(const mn_ws_parser *p)
{
    mn_ws_event ev = {.what = MN_WS_CLOSED, .code = 1005};
    if (p->n_control == 0) return ev;
    if (p->n_control == 1) return broken(1002);
    ev.code = (int)big_endian((const uint8_t *)p->control, 2);
    ev.data = (mn_str){p->control + 2, (size_t)p->n_control - 2};
    if (!mn_ws_code_valid(ev.code)) return broken(1002);
    return mn_utf8_valid(ev.data) ? ev : broken(1007);
}

/* The frame's last byte is here. */
static mn_ws_event finish_frame(mn_ws_parser *p)
{
    mn_str control = {p->control, p->n_control};
    int op = opcode_of(p);
    p->in_payload = false;
    p->n_head = 0;
    if (op == MN_WS_OP_CLOSE) return closed(p);
    if (op == MN_WS_OP_PING) return (mn_ws_event){.what = MN_WS_PING, .data = control};
    if (op == MN_WS_OP_PONG) return (mn_ws_event){.what = MN_WS_PONG, .data = control};
    if (!is_final(p)) return (mn_ws_event){.what = MN_WS_MORE};
    mn_str text = mn_buf_str(&p->message);
    p->in_message = false;
    p->done = true;
    if (!mn_utf8_valid(text)) return broken(1007);
    return (mn_ws_event){.what = MN_WS_TEXT, .data = text};
}

static void drop_message(mn_ws_parser *p)
{
    size_t max = p->message.max;
    mn_buf_release(&p->message);
    mn_buf_init(&p->message, max);
    p->done = false;
}

mn_ws_event mn_ws_parse(mn_ws_parser *p, const char *in, size_t n, size_t *ret_used)
{
    size_t used = 0;
    mn_ws_event ev = {.what = MN_WS_MORE};
    if (p->done) drop_message(p);
    while (ev.what == MN_WS_MORE) {
        int fault = 0;
        if (!p->in_payload) used += take_head(p, in + used, n - used, &fault);
        if (fault) ev = broken(fault);
        if (fault || !p->in_payload) break;
        size_t k = p->left < n - used ? (size_t)p->left : n - used;
        if (take_payload(p, in + used, k) != MN_OK) ev = broken(1011);
        if (ev.what == MN_WS_BROKEN) break;
        used += k;
        if (p->left > 0) break;
        ev = finish_frame(p);
    }
    *ret_used = used;
    return ev;
}

size_t mn_ws_frame_head(int opcode, uint64_t n, uint8_t ret[10])
{
    size_t wide = n < 126 ? 0 : n < 65536 ? 2 : 8;
    ret[0] = (uint8_t)(0x80 | opcode);
    ret[1] = (uint8_t)(wide == 0 ? n : wide == 2 ? 126 : 127);
    for (size_t i = 0; i < wide; i++) ret[2 + i] = (uint8_t)(n >> (8 * (wide - 1 - i)));
    return 2 + wide;
}

/* ---- handshake ------------------------------------------------------------------------------------------------- */

static bool is_base64_of_16(mn_str key)
{
    if (key.len != 24 || !mn_str_ends(key, "==")) return false;
    for (size_t i = 0; i < 22; i++) {
        char c = key.ptr[i];
        bool ok = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
                  c == '+' || c == '/';
        if (!ok) return false;
    }
    return true;
}

bool mn_ws_accept(mn_str key, char ret[29])
{
    static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"; /* RFC 6455, 1.3 */
    char text[24 + sizeof guid];
    uint8_t hash[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    if (!is_base64_of_16(key)) return false;
    memcpy(text, key.ptr, 24);
    memcpy(text + 24, guid, sizeof guid);
    if (EVP_Digest(text, 24 + sizeof guid - 1, hash, &n, EVP_sha1(), NULL) != 1) return false;
    EVP_EncodeBlock((unsigned char *)ret, hash, (int)n);
    return true;
}

bool mn_ws_list_has(mn_str list, const char *token)
{
    while (list.ptr) {
        mn_str item = mn_str_trim(mn_str_split(list, ',', &list));
        if (mn_str_eq_nocase(item, mn_str_from(token))) return true;
    }
    return false;
}
