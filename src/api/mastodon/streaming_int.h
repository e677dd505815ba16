/* What the files of the streams share: clients, what they listen to, the hub. Private to src/api/mastodon/streaming*.c. */
#ifndef MN_API_STREAMING_INT_H
#define MN_API_STREAMING_INT_H

#include "api/mastodon/streaming.h"
#include "net/ws.h"

#define MN_STREAM_SUBS_MAX  100        /* of one WebSocket */
#define MN_STREAM_SAID_MAX  300        /* messages of a client in ten seconds */
#define MN_STREAM_SAID_LEN  4096       /* bytes of one */
#define MN_STREAM_QUEUE_MAX (1u << 20) /* bytes that wait for a reader of server-sent events */
#define MN_STREAM_MEMBERS   4096       /* buckets; powers of two */
#define MN_STREAM_TAGS      1024

typedef enum mn_channel {
    MN_CH_USER,
    MN_CH_NOTIFICATION,
    MN_CH_LIST,
    MN_CH_DIRECT,
    MN_CH_PUBLIC, /* from here on what anybody may see */
    MN_CH_PUBLIC_MEDIA,
    MN_CH_LOCAL,
    MN_CH_LOCAL_MEDIA,
    MN_CH_REMOTE,
    MN_CH_REMOTE_MEDIA,
    MN_CH_TAG,
    MN_CH_TAG_LOCAL,
    MN_CHANNELS
} mn_channel;

/* "user", "public:local" …; MN_CHANNELS when there is no such stream. */
mn_channel mn_channel_parse(mn_str name);

/* A stream as it was asked for. */
typedef struct mn_stream_ask {
    mn_str stream, tag, list; /* absent ones MN_STR_NONE */
} mn_stream_ask;
/* The same, checked: ready to be listened to. */
typedef struct mn_stream_spec {
    mn_channel channel;
    uint64_t list;
    mn_str tag;   /* its key */
    mn_str label; /* the JSON array that messages name the stream by: ["hashtag","Cats"] */
} mn_stream_spec;
/* May the grant listen to it? Otherwise the HTTP status and the words of the refusal. Strings live in the arena. */
int mn_stream_resolve(mn_api *a, const mn_grant *g, const mn_stream_ask *ask, mn_arena *ar,
                      mn_stream_spec *ret, const char **ret_error);

typedef struct mn_sub mn_sub;
typedef struct mn_listener mn_listener;
typedef struct mn_circle mn_circle;

typedef enum mn_note_kind {
    MN_NOTE_OPEN,
    MN_NOTE_TEXT,
    MN_NOTE_GONE,
    MN_NOTE_EVENTS
} mn_note_kind;
/* A note for the hub. */
typedef struct mn_note {
    struct mn_note *next;
    mn_note_kind kind;
    bool own;          /* has memory of its own: data lies behind it */
    mn_listener *from; /* with a reference */
    size_t n;          /* bytes of text, or events */
    const void *data;
} mn_note;

/* One stream that one client listens to. */
struct mn_sub {
    mn_sub *prev, *next; /* of its channel or tag */
    mn_sub *mine;        /* the client's next */
    mn_listener *of;
    mn_channel channel;
    uint64_t list;
    char *tag, *label;
};

/* A client: one WebSocket or one stream of server-sent events. */
struct mn_listener {
    atomic_uint refs;
    mn_streaming *hub;
    mn_grant grant;
    mn_ws
        *ws; /* NULL: server-sent events. Set before the hub knows of it; the hub's reference */
    char *first; /* what it asked for when it came: "stream\0tag\0list\0", each may be empty */
    /* server-sent events: */
    pthread_mutex_t lock; /* guards out and over */
    mn_buf out;
    bool over;
    char topic[32];
    mn_note open, gone; /* so that these never fail */
    int64_t said_us;    /* since when `said` counts; the sockets' thread only */
    int said;
    /* the hub's thread only: */
    mn_circle *circle;
    mn_listener *prev, *next; /* of its circle */
    mn_sub *subs;
    size_t n_subs;
    bool known, told_off;  /* told_off: was cut, is only waited for */
    bool slow;             /* to be cut when the event has been told */
    mn_listener *slow_too; /* the next of these */
};

/* The clients of one account. */
struct mn_circle {
    mn_circle *next; /* of its bucket */
    uint64_t account;
    mn_listener *first;
    size_t n_watch; /* subscriptions that need the account's home or lists */
    bool filters;   /* the account has some */
    bool tags;      /* the account follows some */
    /* what was found out for the event at work: */
    uint64_t event_no;
    int public_ok;        /* -1: not asked yet */
    struct mn_news *news; /* rendered for this account */
};

/* Something to be told, and its forms made so far. On the hub's arena but for the frames. */
#define MN_NEWS_FRAMES 8
typedef struct mn_news {
    const char *event;
    mn_str payload; /* MN_STR_NONE: the event says it all */
    mn_str sse;
    struct {
        const char *label;
        mn_ws_data *data;
    } frames[MN_NEWS_FRAMES];
    size_t n_frames;
    struct mn_news *older; /* all of this event, to be let go */
} mn_news;

struct mn_streaming {
    mn_api *api;
    pthread_t thread;
    bool started, listening;
    pthread_mutex_t lock; /* guards the notes and stop */
    pthread_cond_t wake;
    mn_note *notes, *last;
    bool stop;
    atomic_size_t n_clients, n_subs;
    atomic_ullong n_events, n_messages, topics;
    /* the hub's thread only: */
    mn_arena arena;
    mn_circle *circles[MN_STREAM_MEMBERS];
    mn_sub channels[MN_CHANNELS]; /* rings of those not found otherwise */
    mn_sub *tags[MN_STREAM_TAGS];
    uint64_t event_no;
    mn_news *news;     /* of the event at work */
    mn_listener *slow; /* who did not read while it was told */
    int64_t checked_us;
    struct mn_reaction_seen *reactions; /* to announcements, as they were told last */
    size_t n_reactions;
};

/* streaming_hub.c */
void mn_streaming__note(mn_streaming *h, mn_note_kind kind, mn_listener *from, const void *p,
                        size_t n, size_t size); /* out of memory: text and events are lost */
void mn_streaming__note_open(mn_listener *c);   /* once each */
void mn_streaming__note_gone(mn_listener *c);

/* streaming_clients.c */
mn_listener *mn_listener_new(mn_streaming *h, const mn_grant *g, const mn_stream_ask *first);
void mn_listener_unref(mn_listener *c);
mn_circle *mn_streaming__circle(mn_streaming *h, uint64_t account); /* NULL: nobody listens */
/* Into the circle of its account; false: no memory. Out of it again, with nothing listened to any more. */
bool mn_streaming__join(mn_streaming *h, mn_listener *c);
void mn_streaming__leave(mn_streaming *h, mn_listener *c);
/* What the account has set up that changes what it is told is as it is now. */
void mn_streaming__look(mn_streaming *h, mn_circle *m);
/* The client's subscription to that stream, where it hangs. */
mn_sub **mn_streaming__find(mn_listener *c, const mn_stream_spec *spec);
/* Once is enough: true when it listens already. False: no memory, or too many. */
bool mn_streaming__listen(mn_streaming *h, mn_listener *c, const mn_stream_spec *spec);
void mn_streaming__unlisten(mn_streaming *h, mn_listener *c, mn_sub **at);
void mn_streaming__unlisten_all(mn_streaming *h, mn_listener *c);
/* Cut: nothing more is sent to it. */
void mn_streaming__cut(mn_listener *c);

/* streaming_send.c */
mn_news *mn_news_new(mn_streaming *h, const char *event, mn_str payload); /* NULL: no memory */
void mn_news_send(mn_streaming *h, mn_news *n, mn_sub *to);
void mn_news_done(mn_streaming *h); /* lets go of all of the event */
/* Server-sent events: bytes for a client; false when it does not read: its queue is full. */
bool mn_listener_tell(mn_listener *c, mn_str bytes);

/* streaming_events.c: one event of the store, to all whom it concerns. */
void mn_streaming__event(mn_streaming *h, const mn_event *ev);
/* streaming_notices.c: MN_EV_ANNOUNCEMENT */
void mn_streaming__announcement(mn_streaming *h, const mn_event *ev);

#endif
