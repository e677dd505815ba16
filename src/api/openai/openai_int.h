/* Private to src/api/openai: a request as it was read, the job that answers it, and how the files share them. */
#ifndef MN_API_OPENAI_INT_H
#define MN_API_OPENAI_INT_H

#include <stdatomic.h>

#include "api/mastodon/mastodon.h"
#include "api/openai/openai.h"
#include "api/served.h"
#include "infer/chat.h"

#define MN_OAI_BODY    (4u << 20)
#define MN_OAI_TREE    (64u << 20)  /* of memory for a body's JSON */
#define MN_OAI_HELD    (256u << 20) /* of memory that requests under way hold together */
#define MN_OAI_STOPS   16
#define MN_OAI_CHOICES 16
#define MN_OAI_UNITS   128 /* choices of all prompts */
#define MN_OAI_INPUTS  2048
#define MN_OAI_BIASES  1024
#define MN_OAI_TOP     20
#define MN_OAI_TOOLS   128
#define MN_OAI_AT_A_TIME                                                                       \
    8 /* of one request's generations: the others wait here, not in the batcher's queue */

/* ---- errors (error.c): each answers and gives false, for `return mn_oai_bad(…)` ------------------------------------------ */

typedef struct mn_oai_fault {
    int status;
    const char *type, *code, *param; /* code and param may be NULL */
} mn_oai_fault;
void mn_oai_write_error(mn_json_writer *j, const mn_oai_fault *f, mn_str message);
bool mn_oai_fail(mn_resp *w, const mn_oai_fault *f, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* 400 about a parameter; code may be NULL. */
bool mn_oai_bad(mn_resp *w, const char *param, const char *code, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
/* What a call of ours gave; param: which parameter it was about, or NULL. BUSY: 429 with Retry-After: retry_s. */
bool mn_oai_failed(mn_resp *w, const char *param, uint32_t retry_s, const mn_err *e);

/* ---- fields (fields.c) ----------------------------------------------------------------------------------------------- */

/* A body being read. Readers give false when they have answered 400; an absent or null field gives the fallback. */
typedef struct mn_oai_body {
    mn_resp *w;
    mn_arena *arena;
    const mn_json *json; /* an object */
} mn_oai_body;
/* Parses the body; the arena must be fresh (limit MN_OAI_TREE). */
bool mn_oai_read(mn_req *r, mn_resp *w, mn_arena *ar, mn_oai_body *ret);
const mn_json *mn_oai_get(const mn_oai_body *b, const char *name); /* NULL: absent or null */
bool mn_oai_bool(const mn_oai_body *b, const char *name, bool fallback, bool *ret);
bool mn_oai_int(const mn_oai_body *b, const char *name, int64_t least, int64_t most,
                int64_t fallback, int64_t *ret);
bool mn_oai_float(const mn_oai_body *b, const char *name, double least, double most,
                  double fallback, float *ret);
bool mn_oai_str(const mn_oai_body *b, const char *name, mn_str *ret);
bool mn_oai_wrong_type(mn_resp *w, const char *param, const char *expected, const mn_json *got);
/* A token id in a JSON value; UINT32_MAX: none. */
uint32_t mn_oai_token_id(const mn_json *v);

/* ---- jobs (job.c) ---------------------------------------------------------------------------------------------------- */

typedef struct mn_oai_job mn_oai_job;

typedef struct mn_oai_token {
    uint32_t id, at; /* at: the byte of the text at which it begins */
    float logprob;
} mn_oai_token;

typedef enum mn_oai_unit_state {
    MN_OAI_UNIT_WAITING, /* not with the batcher yet */
    MN_OAI_UNIT_RUNNING,
    MN_OAI_UNIT_ENDED
} mn_oai_unit_state;

/* One generation, or one text's embedding. */
typedef struct mn_oai_unit {
    mn_oai_job *job;
    uint32_t index, prompt; /* choice; which prompt of the job */
    uint64_t id, seed;      /* the batcher's; of sampling */
    mn_oai_unit_state state;
    mn_gen_end end;
    mn_buf text;
    mn_oai_token *tokens; /* with log probabilities: the tokens, and n_top likeliest of each */
    mn_logprob *top;
    size_t n_tokens, cap_tokens;
    uint32_t written_at; /* bytes of all tokens so far: where the next begins */
    uint32_t prompt_tokens, cached_tokens, n_written;
    float *embedding;
    char error[200];
    /* what a stream has sent */
    size_t sent_text, sent_tokens;
    bool sent_begin, sent_end, in_call;
    uint32_t n_items; /* of a response: outputs begun */
} mn_oai_unit;

typedef struct mn_oai_prompt {
    mn_ids ids;
    mn_str echo; /* completions: what stands before the answer */
} mn_oai_prompt;

typedef enum mn_oai_tools {
    MN_OAI_TOOLS_NONE,
    MN_OAI_TOOLS_AUTO,     /* the answer may hold calls */
    MN_OAI_TOOLS_REQUIRED, /* the answer is {"name","arguments"} */
    MN_OAI_TOOLS_NAMED     /* the answer is the arguments of `tool` */
} mn_oai_tools;

/* How a kind of answer is written. All run with the job's lock held. */
typedef struct mn_oai_kind {
    const char *object, *chunk_object, *id_prefix;
    void (*whole)(mn_oai_job *job, mn_json_writer *j); /* the answer's object */
    /* What is new of a unit, as events on out. */
    void (*news)(mn_oai_job *job, mn_oai_unit *u, mn_buf *out);
    /* The last events of a stream that went well. */
    void (*last)(mn_oai_job *job, mn_buf *out);
} mn_oai_kind;

struct mn_oai_job {
    mn_oai *all;
    mn_oai_job *prev, *next, *next_work; /* all jobs; those that the thread must look at */
    const mn_oai_kind *kind;
    mn_arena arena; /* of everything that was read */
    char id[48], topic[32];
    int64_t created_s;
    uint64_t account_id, token_id;
    mn_serving *model;
    mn_grammar *grammar;
    mn_gen_request request; /* what all units share */
    bool has_seed;
    mn_oai_prompt *prompts;
    size_t n_prompts;
    mn_oai_unit *units;
    size_t n_units;
    bool stream, include_usage, echo;
    mn_oai_tools tools;
    const mn_json *tool_list; /* what the client sent */
    mn_str tool;              /* the named one */
    bool base64;              /* embeddings */
    uint64_t sequence;        /* responses: events sent */
    mn_str instructions;      /* the same: MN_STR_NONE when there are none */
    uint32_t dimensions;

    mn_http *http;
    mn_resp *resp;        /* a whole answer: until it is done */
    pthread_mutex_t lock; /* of the units */
    /* Set by whoever sees it, read by the thread that tends the job: */
    atomic_bool gone;    /* the client hung up, or the stream was closed */
    atomic_bool revoked; /* the key counts no more */
    atomic_bool recheck; /* the account has changed */
    atomic_bool closed;  /* nobody answers from it any more */
    /* Under the lock of `all`: */
    size_t held; /* bytes, as counted in `all` */
    bool queued, starting,
        hungry;   /* hungry: the batcher's queue was full for a unit that waits */
    bool settled; /* only the thread's */
};

/* ---- making a job ------------------------------------------------------------------------------------------------------ */

/* A fresh job with an arena; NULL: out of memory, answered. */
mn_oai_job *mn_oai_job_new(mn_req *r, mn_resp *w, const mn_oai_kind *kind);
/* Gives up a job that was not started. */
void mn_oai_job_drop(mn_oai_job *job);
/* Room for n prompts. */
bool mn_oai_job_prompts(mn_oai_job *job, mn_resp *w, size_t n);
/* Takes the model named in the body; 404 when there is none. */
bool mn_oai_job_model(mn_oai_job *job, const mn_oai_body *b);
/* Starts it, `choices` units a prompt: the answer comes later or as a stream. Takes the job; on failure it was answered. */
void mn_oai_job_start(mn_oai_job *job, mn_resp *w, size_t choices);
bool mn_oai_job_ended(const mn_oai_job *job); /* all units; the lock is held */

/* ---- work.c: what happens to a job that runs ------------------------------------------------------------------------------ */

struct mn_oai {
    mn_api *api;
    pthread_t thread;
    bool started, stop;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    mn_oai_job *jobs, *work, **work_end;
    size_t n_jobs, n_hungry, held; /* held: bytes of the jobs' arenas */
    int64_t fed_us;                /* when hungry jobs tried last */
};
/* The thread shall look at the job: something has happened to it. Any thread; takes the lock of `all`. */
void mn_oai_push(mn_oai_job *job);
/* Gives the unit to the batcher. MN_E_BUSY: *ret_retry_s; the unit still waits then. */
mn_rc mn_oai_submit(mn_oai_unit *u, uint32_t *ret_retry_s, mn_err *e);
bool mn_oai_stream_next(void *job, mn_buf *out);
void mn_oai_stream_close(void *job);
void mn_oai_hung_up(void *job);
void mn_oai_job_free(mn_oai_job *job); /* it is in no list */
void mn_oai_unlink(
    mn_oai_job *job); /* takes it out of the list of jobs; the lock of `all` is held */

/* ---- what requests ask for ---------------------------------------------------------------------------------------------- */

/* ask.c: what chat and text completions share: sampling, stops, n, stream, biases. *ret_choices: n. */
bool mn_oai_ask(mn_oai_job *job, const mn_oai_body *b, size_t *ret_choices);
bool mn_oai_ask_max_tokens(mn_oai_job *job, const mn_oai_body *b, const char *name,
                           uint32_t least);

/* messages.c: checks the messages and gives them in the form that templates know (roles, parts). */
bool mn_oai_messages(const mn_oai_body *b, const mn_json **ret);
/* tools.c: tools and tool_choice; sets the job's tools, and its grammar where a call is demanded. */
bool mn_oai_ask_tools(mn_oai_job *job, const mn_oai_body *b);
/* response_format; sets the job's grammar. */
bool mn_oai_ask_format(mn_oai_job *job, const mn_oai_body *b);
/* A schema of {"name","arguments"} for any of the tools; NULL: out of memory, or a tool without a name. */
mn_json *mn_oai_calls_schema(mn_arena *ar, const mn_json *tools);
/* responses.c: a body of chat that says the same as one of responses. */
bool mn_oai_as_chat(const mn_oai_body *b, mn_str instructions, mn_oai_body *ret);
/* How many bytes of a text can be no part of a tool call. */
size_t mn_oai_tools_plain(mn_str text);

/* calls.c: the calls in what an answer that has ended says, and the text before them (or all of it). */
typedef struct mn_oai_calls {
    mn_tool_call *list;
    size_t n;
    mn_str text;
} mn_oai_calls;
mn_oai_calls mn_oai_calls_of(const mn_oai_job *job, const mn_oai_unit *u, mn_arena *ar);
void mn_oai_call_id(const mn_oai_job *job, const mn_oai_unit *u, size_t i, char ret[64]);
/* How much of the text may go out now. */
size_t mn_oai_plain_part(const mn_oai_job *job, const mn_oai_unit *u);

/* chat.c: reads a body of chat into the job, up to the prompt. */
bool mn_oai_chat_read(mn_oai_job *job, const mn_oai_body *b, size_t *ret_choices);

/* json.c: what several kinds of answers write */
void mn_oai_write_head(mn_oai_job *job, mn_json_writer *j, bool chunk);
void mn_oai_write_usage(mn_oai_job *job, mn_json_writer *j);
const char *mn_oai_finish_reason(const mn_oai_unit *u);
void mn_oai_write_last(mn_oai_job *job,
                       mn_buf *out); /* usage, where it was asked for, and [DONE] */
mn_str mn_oai_token_text(const mn_oai_job *job, uint32_t id);
/* Tokens of the unit from..to whose text is part of the answer: n_tokens, less those beyond the end of the text. */
size_t mn_oai_tokens_told(const mn_oai_unit *u);
void mn_oai_write_logprob(mn_json_writer *j, float logprob);
void mn_oai_write_chat_logprobs(const mn_oai_job *job, const mn_oai_unit *u, size_t from,
                                size_t to, mn_json_writer *j);

/* Prompts: a list of token ids; is one too long for the model? (then it was answered) */
bool mn_oai_read_ids(const mn_oai_job *job, const mn_oai_body *b, const char *param,
                     const mn_json *v, mn_ids *ret);
bool mn_oai_too_long(const mn_oai_job *job, mn_resp *w, const char *param, size_t n);

extern const mn_oai_kind mn_oai_kind_chat, mn_oai_kind_completion, mn_oai_kind_embedding,
    mn_oai_kind_response;

/* handlers */
void mn_oai_models(mn_req *r, mn_resp *w);
void mn_oai_model(mn_req *r, mn_resp *w);
void mn_oai_chat(mn_req *r, mn_resp *w);
void mn_oai_completions(mn_req *r, mn_resp *w);
void mn_oai_embeddings(mn_req *r, mn_resp *w);
void mn_oai_responses(mn_req *r, mn_resp *w);

#endif
