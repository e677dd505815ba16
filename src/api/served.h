/* The models that are served: loaded when they are first needed, shared by whoever asks (the OpenAI API, the chat page, answers with
 * citations), let go when others need the room.
 *
 * A model goes by the name of its folder under DATA/models, or of a GGUF file there without its ending. "" and "mynah" are the promoted one
 * (models/current), looked up anew by each take: a promotion counts for the next take, while generations that run go on with the
 * model they began with. The same model is in memory once, by whatever name it was asked for; weights that were replaced
 * on disk are another model.
 *
 * At most `model_loaded` models are kept; one more puts out the least recently used that nobody holds. A model that cannot be loaded is said
 * once in the log, and is not tried again until its file changes.
 *
 * thread  everything, any thread, but mn_serving_done and mn_serving_ref's last user: not from a batcher's callback (the
 *         model may end with it) */
#ifndef MN_API_SERVED_H
#define MN_API_SERVED_H

#include "base/conf.h"
#include "base/json.h"
#include "infer/batch.h"

#define MN_SERVED_PROMOTED "mynah" /* the name of the promoted model at every door */

typedef struct mn_served mn_served;

/* A model in memory, held by whoever took it. What is read here never changes while it is held. */
typedef struct mn_serving {
    mn_engine *engine;
    mn_batcher *batcher; /* generations of many; mn_seq on the engine is fine too */
    const char *name;    /* of its folder or file: what a client may ask for again */
    const char *path;
    int64_t created_ms;   /* the weights' time */
    char fingerprint[20]; /* "fp_" and 16 digits: the same weights, the same program */
} mn_serving;

/* Reads the settings model_loaded, model_threads, model_context, model_cache_bytes, model_cache_type, model_device, model_running,
 * model_waiting. device: instead of model_device, or NULL. A GPU is opened once, so that one that cannot be used is told now.
 * Borrows nothing. errors MN_E_USAGE a setting; mn_cuda_open's */
mn_rc mn_served_new(const char *data_dir, const mn_conf *c, const char *device, mn_served **ret,
                    mn_err *e);
void mn_served_free(mn_served *s); /* nobody may hold a model; NULL is fine */

/* Loads where needed, which takes from 0.1 s to seconds: not on a thread that reads requests.
 * errors  MN_E_NOT_FOUND no such model (or none was promoted yet); MN_E_BUSY all places are held, try again in a moment; else why it
 *         cannot be loaded */
mn_rc mn_served_take(mn_served *s, mn_str name, mn_serving **ret, mn_err *e);
mn_serving *mn_serving_ref(mn_serving *v);
void mn_serving_done(mn_serving *v); /* NULL is fine */

/* What no model may say (infer/guard.h), those that are loaded later too; takes a reference, NULL: nothing. */
void mn_served_guard(mn_served *s, mn_guard *g);

/* Grammars over the model's vocabulary; the trie is made with the first, schemas asked for lately are kept compiled.
 * *ret: a reference for the caller (mn_grammar_unref). errors as in infer/grammar.h */
mn_rc mn_serving_trie(mn_serving *v, const mn_vocab_trie **ret, mn_err *e);
mn_rc mn_serving_schema(mn_serving *v, const mn_json *schema, mn_grammar **ret, mn_err *e);
mn_rc mn_serving_json_object(mn_serving *v, mn_grammar **ret, mn_err *e);

/* What could be taken: the promoted one as "mynah" first, then by name. On the arena. Nothing is loaded. */
typedef struct mn_served_model {
    const char *name;
    int64_t created_ms;
} mn_served_model;
mn_rc mn_served_list(mn_served *s, mn_arena *ar, mn_served_model **ret, size_t *ret_n,
                     mn_err *e);

/* Models in memory, for /metrics: calls fn for each. */
typedef struct mn_served_now {
    const char *name;
    size_t bytes;
    mn_batch_stats batch;
} mn_served_now;
void mn_served_each(mn_served *s, void (*fn)(void *arg, const mn_served_now *m), void *arg);

#endif
