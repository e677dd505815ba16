/* tokenizer.json's steps: what is done to text before it is merged (normaliser, pre-tokenizer), around its ids (post-processor) and to
 * decoded text (decoder). Only what is done here exactly as `tokenizers` does it is taken; everything else is refused by name.
 */
#include <stdio.h>

#include "text/tok_json_int.h"

#define BLANK "\u2581"

#define NAME(s) (int)((s).len < 60 ? (s).len : 60), (s).len ? (s).ptr : ""

static bool is_null(const mn_json *v)
{
    return !v || v->type == MN_JSON_NULL;
}

static mn_str type_of(const mn_json *v)
{
    return mn_json_str(mn_json_get(v, "type"));
}

static mn_rc refuse(mn_err *e, const char *what, mn_str type, const char *why)
{
    return mn_fail(e, MN_E_UNSUPPORTED, "%s '%.*s' %s", what, NAME(type), why);
}

/* Calls `one` on v, or on each item of a Sequence's list. */
static mn_rc each(const mn_json *v, const char *what, const char *list, mn_tok_steps *s,
                  mn_err *e, mn_rc (*one)(const mn_json *v, mn_tok_steps *s, mn_err *e))
{
    if (is_null(v)) return MN_OK;
    if (!mn_str_eqz(type_of(v), "Sequence")) return one(v, s, e);
    const mn_json *items = mn_json_get(v, list);
    if (!items || items->type != MN_JSON_ARRAY)
        return refuse(e, what, type_of(v), "has no list");
    for (size_t i = 0; i < items->n; i++) {
        if (mn_str_eqz(type_of(items->items[i]), "Sequence"))
            return refuse(e, what, type_of(v), "in another is not supported");
        MN_TRY(one(items->items[i], s, e));
    }
    return MN_OK;
}

/* ---- normaliser ----------------------------------------------------------------------------------------------- */

/* {"type":"Replace","pattern":{"String":from},"content":to} */
static bool replaces(const mn_json *v, const char *from, const char *to)
{
    return mn_str_eqz(mn_json_str(mn_json_get(mn_json_get(v, "pattern"), "String")), from) &&
           mn_str_eqz(mn_json_str(mn_json_get(v, "content")), to);
}

static mn_rc normalizer(const mn_json *v, mn_tok_steps *s, mn_err *e)
{
    mn_str type = type_of(v);
    if (mn_str_eqz(type, "NFC")) s->nfc = true;
    else if (mn_str_eqz(type, "Prepend") &&
             mn_str_eqz(mn_json_str(mn_json_get(v, "prepend")), BLANK) && !s->prepend)
        s->prepend = true;
    else if (mn_str_eqz(type, "Replace") && replaces(v, " ", BLANK)) s->replace = true;
    else
        return refuse(
            e, "normalizer", type,
            "is not supported: expected NFC, or a U+2581 before texts and for blanks");
    return MN_OK;
}

mn_rc mn_tok__read_normalizer(const mn_json *v, mn_tok_steps *s, mn_err *e)
{
    return each(v, "normalizer", "normalizers", s, e, normalizer);
}

/* ---- pre-tokenizer -------------------------------------------------------------------------------------------- */

static const struct pattern {
    const char *text;
    mn_tok_splitter how;
} patterns[] = {
    {"'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+",
     MN_TOK_SPLIT_GPT2},
    {"'(?:[sdmt]|ll|ve|re)| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+",
     MN_TOK_SPLIT_GPT2},
    {"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| "
     "?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
     MN_TOK_SPLIT_LLAMA3},
    {"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| "
     "?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
     MN_TOK_SPLIT_QWEN2},
};
enum { N_PATTERNS = sizeof patterns / sizeof *patterns };

const char *mn_tok__split_pattern(mn_tok_splitter how)
{
    for (size_t i = 0; i < N_PATTERNS; i++)
        if (patterns[i].how == how && how >= MN_TOK_SPLIT_LLAMA3) return patterns[i].text;
    return NULL;
}

enum { BY_NOTHING, BY_DIGITS, BY_SPLIT }; /* what stood before ByteLevel */

/* Isolated; or what the pattern does not match removed, which is nothing: each of them matches every character. */
static bool keeps_all(const mn_json *v)
{
    mn_str behavior = mn_json_str(mn_json_get(v, "behavior"));
    bool invert = mn_json_bool(mn_json_get(v, "invert"), false);
    return mn_str_eqz(behavior, invert ? "Removed" : "Isolated");
}

static mn_rc split(const mn_json *v, mn_tok_steps *s, int *before, mn_err *e)
{
    mn_str pattern = mn_json_str(mn_json_get(mn_json_get(v, "pattern"), "Regex"));
    for (size_t i = 0; i < N_PATTERNS && *before == BY_NOTHING; i++) {
        if (!mn_str_eqz(pattern, patterns[i].text) || !keeps_all(v)) continue;
        s->splitter = patterns[i].how;
        *before = BY_SPLIT;
        return MN_OK;
    }
    return mn_fail(e, MN_E_UNSUPPORTED,
                   "pre-tokenizer Split by '%.*s' is not supported: expected GPT-2's, Llama "
                   "3's or Qwen 2's",
                   NAME(pattern));
}

static mn_rc digits(const mn_json *v, mn_tok_steps *s, int *before, mn_err *e)
{
    if (*before != BY_NOTHING || !mn_json_bool(mn_json_get(v, "individual_digits"), false))
        return refuse(e, "pre-tokenizer", type_of(v),
                      "without individual_digits, or after another, is not supported");
    s->splitter = MN_TOK_SPLIT_DIGITS;
    *before = BY_DIGITS;
    return MN_OK;
}

static mn_rc byte_level(const mn_json *v, mn_tok_steps *s, int before, mn_err *e)
{
    bool regex = mn_json_bool(mn_json_get(v, "use_regex"), true);
    if (mn_json_bool(mn_json_get(v, "add_prefix_space"), true))
        return refuse(e, "pre-tokenizer", type_of(v), "with add_prefix_space is not supported");
    if (regex == (before == BY_SPLIT))
        return refuse(e, "pre-tokenizer", type_of(v),
                      regex ? "with use_regex after Split is not supported"
                            : "without use_regex is not supported");
    s->byte_level = true;
    return MN_OK;
}

static mn_rc metaspace(const mn_json *v, mn_tok_steps *s, int before, mn_err *e)
{
    mn_str scheme = mn_json_str(mn_json_get(v, "prepend_scheme"));
    bool old =
        mn_json_bool(mn_json_get(v, "add_prefix_space"), true); /* before schemes had names */
    if (!scheme.ptr) scheme = old ? MN_STR("always") : MN_STR("never");
    if (!mn_str_eqz(mn_json_str(mn_json_get(v, "replacement")), BLANK) || before != BY_NOTHING)
        return refuse(e, "pre-tokenizer", type_of(v),
                      "after another or with something else than U+2581 is not supported");
    s->metaspace = true;
    s->split_blanks = mn_json_bool(mn_json_get(v, "split"), true);
    if (mn_str_eqz(scheme, "always")) s->prefix = MN_TOK_PREFIX_ALWAYS;
    else if (mn_str_eqz(scheme, "first")) s->prefix = MN_TOK_PREFIX_FIRST;
    else if (!mn_str_eqz(scheme, "never"))
        return refuse(e, "prepend_scheme", scheme, "is not known");
    return MN_OK;
}

static mn_rc pre_tokenizer(const mn_json *v, mn_tok_steps *s, int *before, mn_err *e)
{
    mn_str type = type_of(v);
    if (s->byte_level || s->metaspace)
        return refuse(e, "pre-tokenizer", type,
                      "after ByteLevel or Metaspace is not supported");
    if (mn_str_eqz(type, "Split")) return split(v, s, before, e);
    if (mn_str_eqz(type, "Digits")) return digits(v, s, before, e);
    if (mn_str_eqz(type, "ByteLevel")) return byte_level(v, s, *before, e);
    if (mn_str_eqz(type, "Metaspace")) return metaspace(v, s, *before, e);
    return refuse(e, "pre-tokenizer", type,
                  "is not supported: expected Split or Digits, then ByteLevel, or Metaspace");
}

mn_rc mn_tok__read_pre_tokenizer(const mn_json *v, mn_tok_steps *s, mn_err *e)
{
    int before = BY_NOTHING;
    s->splitter = MN_TOK_SPLIT_GPT2;
    if (is_null(v)) return MN_OK;
    if (!mn_str_eqz(type_of(v), "Sequence")) return pre_tokenizer(v, s, &before, e);
    const mn_json *items = mn_json_get(v, "pretokenizers");
    if (!items || !items->n) return refuse(e, "pre-tokenizer", type_of(v), "is empty");
    for (size_t i = 0; i < items->n; i++)
        MN_TRY(pre_tokenizer(mn_json_at(items, i), s, &before, e));
    return MN_OK;
}

/* ---- post-processor ------------------------------------------------------------------------------------------- */

/* The one id of a special token of a template. */
static mn_rc template_id(const mn_json *tokens, mn_str name, uint32_t *ret, mn_err *e)
{
    for (size_t i = 0; tokens && tokens->type == MN_JSON_OBJECT && i < tokens->n; i++) {
        if (!mn_str_eq(tokens->keys[i], name)) continue;
        const mn_json *ids = mn_json_get(tokens->items[i], "ids");
        int64_t id = mn_json_i64(mn_json_at(ids, 0), -1);
        if (!ids || ids->n != 1) break;
        if (id < 0 || id >= MN_TOK_IDS_MAX)
            return mn_fail(e, MN_E_PARSE, "a template puts the token %lld", (long long)id);
        *ret = (uint32_t)id;
        return MN_OK;
    }
    return mn_fail(e, MN_E_UNSUPPORTED, "a template with '%.*s', which is not one token",
                   NAME(name));
}

static mn_rc template(const mn_json *v, mn_tok_steps *s, mn_err *e)
{
    const mn_json *items = mn_json_get(v, "single");
    bool text = false;
    for (size_t i = 0; items && i < items->n; i++) {
        const mn_json *special = mn_json_get(mn_json_at(items, i), "SpecialToken");
        uint32_t *to = text ? &s->end : &s->begin;
        if (!special && !text) {
            text = true;
            continue;
        }
        if (!special || *to != MN_TOK_NONE)
            return mn_fail(
                e, MN_E_UNSUPPORTED,
                "a template with more than one token before or after a text is not supported");
        MN_TRY(template_id(mn_json_get(v, "special_tokens"),
                           mn_json_str(mn_json_get(special, "id")), to, e));
    }
    return text ? MN_OK : mn_fail(e, MN_E_PARSE, "a template without a text");
}

static mn_rc post_processor(const mn_json *v, mn_tok_steps *s, mn_err *e)
{
    mn_str type = type_of(v);
    if (mn_str_eqz(type, "ByteLevel")) return MN_OK;
    if (mn_str_eqz(type, "TemplateProcessing")) return template(v, s, e);
    return refuse(e, "post-processor", type, "is not supported: expected TemplateProcessing");
}

mn_rc mn_tok__read_post_processor(const mn_json *v, mn_tok_steps *s, mn_err *e)
{
    s->begin = s->end = MN_TOK_NONE;
    return each(v, "post-processor", "processors", s, e, post_processor);
}

/* ---- decoder -------------------------------------------------------------------------------------------------- */

static mn_rc decoder(const mn_json *v, mn_tok_steps *s, mn_err *e)
{
    mn_str type = type_of(v);
    s->has_decoder = true;
    if (mn_str_eqz(type, "ByteLevel")) {
        s->decodes_bytes = true;
    } else if (mn_str_eqz(type, "Metaspace")) {
        s->decodes_pieces = true;
        mn_str scheme = mn_json_str(mn_json_get(v, "prepend_scheme"));
        s->strip = scheme.ptr ? !mn_str_eqz(scheme, "never")
                              : mn_json_bool(mn_json_get(v, "add_prefix_space"), true);
    } else if (mn_str_eqz(type, "Replace") && replaces(v, BLANK, " ")) {
        s->decodes_pieces = true;
    } else if (mn_str_eqz(type, "Strip") &&
               mn_str_eqz(mn_json_str(mn_json_get(v, "content")), " ") &&
               mn_json_u64(mn_json_get(v, "start"), 0) <= 1 &&
               !mn_json_u64(mn_json_get(v, "stop"), 0)) {
        s->strip = mn_json_u64(mn_json_get(v, "start"), 0) == 1;
    } else if (!mn_str_eqz(type, "ByteFallback") && !mn_str_eqz(type, "Fuse")) {
        return refuse(e, "decoder", type,
                      "is not supported: expected ByteLevel, or blanks for U+2581, "
                      "ByteFallback, Fuse and Strip");
    }
    return MN_OK;
}

mn_rc mn_tok__read_decoder(const mn_json *v, mn_tok_steps *s, mn_err *e)
{
    return each(v, "decoder", "decoders", s, e, decoder);
}
