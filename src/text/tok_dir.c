/* A Hugging Face folder's tokenizer. tokenizer_config.json names the tokens that begin and end texts and says whether they are put there; what
 * it does not say is left to tokenizer.json, or is SentencePiece's custom in transformers: a beginning, no end.
 */
#include "base/fs.h"
#include "base/json.h"
#include "text/tok_int.h"

enum { CONFIG_MAX_BYTES = 16 << 20 };

/* "<s>", or {"content": "<s>", …}. */
static void take_token(const mn_tokenizer *t, const mn_json *config, const char *key,
                       uint32_t *ret)
{
    const mn_json *v = mn_json_get(config, key);
    mn_str name = mn_json_str(v);
    if (!name.ptr) name = mn_json_str(mn_json_get(v, "content"));
    if (!name.len) return;
    uint32_t id = mn_tok_find(t, name);
    if (id != MN_TOK_NONE) *ret = id;
}

static mn_rc apply(mn_tokenizer *t, const mn_json *config, mn_err *e)
{
    mn_tok_rules *r = &t->rules;
    mn_str class = mn_json_str(mn_json_get(config, "tokenizer_class"));
    bool llama = mn_str_eqz(class, "LlamaTokenizer") || mn_str_eqz(class, "LlamaTokenizerFast");
    take_token(t, config, "bos_token", &r->bos);
    take_token(t, config, "eos_token", &r->eos);
    take_token(t, config, "pad_token", &r->pad);
    bool add = r->add_bos || (llama && r->pieces && r->bos != MN_TOK_NONE);
    r->add_bos = mn_json_bool(mn_json_get(config, "add_bos_token"), add);
    r->add_eos = mn_json_bool(mn_json_get(config, "add_eos_token"), r->add_eos);
    if (r->add_bos && r->bos == MN_TOK_NONE)
        return mn_fail(
            e, MN_E_PARSE,
            "tokenizer_config.json: add_bos_token without a bos_token that is a token");
    if (r->add_eos && r->eos == MN_TOK_NONE)
        return mn_fail(
            e, MN_E_PARSE,
            "tokenizer_config.json: add_eos_token without an eos_token that is a token");
    return MN_OK;
}

static mn_rc read_config(mn_tokenizer *t, const char *path, mn_arena *a, mn_err *e)
{
    mn_buf text;
    mn_json *config = NULL;
    if (!mn_fs_exists(path)) return MN_OK;
    mn_buf_init(&text, CONFIG_MAX_BYTES);
    mn_rc rc = mn_fs_read(path, CONFIG_MAX_BYTES, &text, e);
    if (rc == MN_OK) {
        rc = mn_json_parse(mn_buf_str(&text), a, &config, e);
        if (rc == MN_OK) rc = apply(t, config, e);
        if (rc != MN_OK) mn_err_wrap(e, "'%s'", path);
    }
    mn_buf_release(&text);
    return rc;
}

static mn_rc load_either(const char *dir, mn_arena *a, mn_tokenizer **ret, mn_err *e)
{
    const char *json = mn_fs_join(a, dir, "tokenizer.json");
    const char *model = mn_fs_join(a, dir, "tokenizer.model");
    if (!json || !model) return mn_fail(e, MN_E_NOMEM, "out of memory");
    if (mn_fs_exists(json)) return mn_tok_load(json, ret, e);
    if (!mn_fs_exists(model))
        return mn_fail(e, MN_E_NOT_FOUND,
                       "folder '%s' holds neither tokenizer.json nor tokenizer.model", dir);
    MN_TRY(mn_tok_load_sentencepiece(model, ret, e));
    (*ret)->rules.add_bos = (*ret)->rules.bos != MN_TOK_NONE;
    return MN_OK;
}

mn_rc mn_tok_load_dir(const char *dir, mn_tokenizer **ret, mn_err *e)
{
    mn_arena a;
    mn_tokenizer *t = NULL;
    mn_arena_init(&a, 0);
    mn_rc rc = load_either(dir, &a, &t, e);
    const char *path = mn_fs_join(&a, dir, "tokenizer_config.json");
    if (rc == MN_OK && !path) rc = mn_fail(e, MN_E_NOMEM, "out of memory");
    if (rc == MN_OK) rc = read_config(t, path, &a, e);
    if (rc == MN_OK) *ret = t;
    else mn_tok_free(t);
    mn_arena_release(&a);
    return rc;
}
