/* The frames of RFC 6455 and its handshake, as pure functions: no sockets here. Private to src/net; fuzzed. */
#ifndef MN_NET_WS_FRAME_H
#define MN_NET_WS_FRAME_H

#include "net/ws.h"

typedef enum mn_ws_what {
    MN_WS_MORE, /* all bytes are used and nothing is complete */
    MN_WS_TEXT, /* a whole message: data, valid until the next call */
    MN_WS_PING, /* data: what the pong repeats */
    MN_WS_PONG,
    MN_WS_CLOSED, /* the peer closes: code, 1005 when he gave none */
    MN_WS_BROKEN  /* protocol broken: code says how; the parser must not be used on */
} mn_ws_what;

typedef struct mn_ws_event {
    mn_ws_what what;
    mn_str data;
    int code;
} mn_ws_event;

/* Reads a client's bytes as they come. Memory is held only inside a message: message_max bytes at most. */
typedef struct mn_ws_parser {
    mn_buf message;   /* unmasked payload of the message under way */
    uint64_t left;    /* payload bytes of the frame under way that are still to come */
    uint8_t head[14]; /* the frame's header, as far as it is here */
    uint8_t n_head;
    uint8_t n_control;
    uint8_t at_mask; /* of the next payload byte, 0..3 */
    bool in_payload, in_message,
        done; /* done: an event's data is to be dropped on the next call */
    char control[125];
} mn_ws_parser;

void mn_ws_parser_init(mn_ws_parser *p, size_t message_max);
void mn_ws_parser_release(mn_ws_parser *p);
/* Reads from in[0..n) up to the first event: *ret_used bytes of it were used. */
mn_ws_event mn_ws_parse(mn_ws_parser *p, const char *in, size_t n, size_t *ret_used);

/* A server's frame header (unmasked, final) for n bytes; returns its length, 2 to 10. */
enum { MN_WS_OP_TEXT = 1, MN_WS_OP_CLOSE = 8, MN_WS_OP_PING = 9, MN_WS_OP_PONG = 10 };
size_t mn_ws_frame_head(int opcode, uint64_t n, uint8_t ret[10]);
/* May a peer send this close code? */
bool mn_ws_code_valid(int code);

/* Sec-WebSocket-Accept for a key: 28 characters and a NUL. False when the key is not the base64 of 16 bytes. */
bool mn_ws_accept(mn_str key, char ret[29]);
/* Does a comma-separated header name the token (any case)? */
bool mn_ws_list_has(mn_str list, const char *token);

#endif
