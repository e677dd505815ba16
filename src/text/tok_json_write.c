/* tokenizer.json as it is written: so that `tokenizers` loads it and gives the same ids. What it cannot say is refused: equal scores, and
 * symbols that are found in the middle of a text without cutting it.
 */
#include "base/fs.h"
#include "text/tok_json_int.h"

#define BLANK "\u2581"

static void write_added(mn_json_writer *w, const mn_tokenizer *t)
{
    mn_jw_key(w, "added_tokens");
    mn_jw_array(w);
    for (uint32_t id = 0; id < t->n; id++) {
        if (!mn_tok__is_added(t->tokens[id].kind)) continue;
        mn_jw_object(w);
        mn_jw_ku64(w, "id", id);
        mn_jw_kstr(w, "content", mn_tok__bytes(t, id));
        mn_jw_kbool(w, "single_word", t->tokens[id].flags & MN_TOK_SINGLE_WORD);
        mn_jw_kbool(w, "lstrip", t->tokens[id].flags & MN_TOK_LSTRIP);
        mn_jw_kbool(w, "rstrip", t->tokens[id].flags & MN_TOK_RSTRIP);
        mn_jw_kbool(w, "normalized", t->tokens[id].flags & MN_TOK_NORMALIZED);
        mn_jw_kbool(w, "special", t->tokens[id].kind == MN_TOK_SPECIAL);
        mn_jw_object_end(w);
    }
    mn_jw_array_end(w);
}

/* ---- steps -------------------------------------------------------------------------------------------------- */

static void write_byte_level(mn_json_writer *w, bool regex)
{
    mn_jw_object(w);
    mn_jw_kstrz(w, "type", "ByteLevel");
    mn_jw_kbool(w, "add_prefix_space", false);
    mn_jw_kbool(w, "trim_offsets", true);
    mn_jw_kbool(w, "use_regex", regex);
    mn_jw_object_end(w);
}

static void begin_sequence(mn_json_writer *w, const char *list)
{
    mn_jw_object(w);
    mn_jw_kstrz(w, "type", "Sequence");
    mn_jw_key(w, list);
    mn_jw_array(w);
}

static void end_sequence(mn_json_writer *w)
{
    mn_jw_array_end(w);
    mn_jw_object_end(w);
}

/* An object of a type and perhaps one member, which is text. */
static void write_plain(mn_json_writer *w, const char *type, const char *key, const char *value)
{
    mn_jw_object(w);
    mn_jw_kstrz(w, "type", type);
    if (key) mn_jw_kstrz(w, key, value);
    mn_jw_object_end(w);
}

static void write_replace(mn_json_writer *w, const char *from, const char *to)
{
    mn_jw_object(w);
    mn_jw_kstrz(w, "type", "Replace");
    mn_jw_key(w, "pattern");
    mn_jw_object(w);
    mn_jw_kstrz(w, "String", from);
    mn_jw_object_end(w);
    mn_jw_kstrz(w, "content", to);
    mn_jw_object_end(w);
}

static void write_normalizer(mn_json_writer *w, const mn_tok_rules *r)
{
    mn_jw_key(w, "normalizer");
    if (r->pieces && !r->metaspace) {
        begin_sequence(w, "normalizers");
        if (r->prefix != MN_TOK_PREFIX_NONE) write_plain(w, "Prepend", "prepend", BLANK);
        write_replace(w, " ", BLANK);
        end_sequence(w);
    } else if (r->nfc) {
        write_plain(w, "NFC", NULL, NULL);
    } else {
        mn_jw_null(w);
    }
}

static void write_metaspace(mn_json_writer *w, const mn_tok_rules *r)
{
    static const char *const schemes[] = {"never", "first", "always"};
    mn_jw_object(w);
    mn_jw_kstrz(w, "type", "Metaspace");
    mn_jw_kstrz(w, "replacement", BLANK);
    mn_jw_kstrz(w, "prepend_scheme", schemes[r->prefix]);
    mn_jw_kbool(w, "split", r->split_blanks);
    mn_jw_object_end(w);
}

static void write_split(mn_json_writer *w, const char *pattern)
{
    mn_jw_object(w);
    mn_jw_kstrz(w, "type", "Split");
    mn_jw_key(w, "pattern");
    mn_jw_object(w);
    mn_jw_kstrz(w, "Regex", pattern);
    mn_jw_object_end(w);
    mn_jw_kstrz(w, "behavior", "Isolated");
    mn_jw_kbool(w, "invert", false);
    mn_jw_object_end(w);
}

static void write_digits(mn_json_writer *w)
{
    mn_jw_object(w);
    mn_jw_kstrz(w, "type", "Digits");
    mn_jw_kbool(w, "individual_digits", true);
    mn_jw_object_end(w);
}

static void write_pre_tokenizer(mn_json_writer *w, const mn_tok_rules *r)
{
    mn_jw_key(w, "pre_tokenizer");
    const char *pattern = mn_tok__split_pattern(r->splitter);
    if (r->metaspace) {
        write_metaspace(w, r);
    } else if (r->pieces) {
        mn_jw_null(w);
    } else if (r->splitter == MN_TOK_SPLIT_GPT2) {
        write_byte_level(w, true);
    } else {
        begin_sequence(w, "pretokenizers");
        if (pattern) write_split(w, pattern);
        else write_digits(w);
        write_byte_level(w, !pattern);
        end_sequence(w);
    }
}

static void write_template_item(mn_json_writer *w, const char *kind, mn_str id, uint64_t type)
{
    mn_jw_object(w);
    mn_jw_key(w, kind);
    mn_jw_object(w);
    mn_jw_kstr(w, "id", id);
    mn_jw_ku64(w, "type_id", type);
    mn_jw_object_end(w);
    mn_jw_object_end(w);
}

static void write_template_text(mn_json_writer *w, const mn_tokenizer *t, const char *name,
                                uint64_t type)
{
    const mn_tok_rules *r = &t->rules;
    if (r->add_bos) write_template_item(w, "SpecialToken", mn_tok__bytes(t, r->bos), type);
    write_template_item(w, "Sequence", mn_str_from(name), type);
    if (r->add_eos) write_template_item(w, "SpecialToken", mn_tok__bytes(t, r->eos), type);
}

static void write_template_token(mn_json_writer *w, const mn_tokenizer *t, uint32_t id)
{
    mn_str name = mn_tok__bytes(t, id);
    mn_jw_key_str(w, name);
    mn_jw_object(w);
    mn_jw_kstr(w, "id", name);
    mn_jw_key(w, "ids");
    mn_jw_array(w);
    mn_jw_u64(w, id);
    mn_jw_array_end(w);
    mn_jw_key(w, "tokens");
    mn_jw_array(w);
    mn_jw_str(w, name);
    mn_jw_array_end(w);
    mn_jw_object_end(w);
}

static void write_post_processor(mn_json_writer *w, const mn_tokenizer *t)
{
    const mn_tok_rules *r = &t->rules;
    mn_jw_key(w, "post_processor");
    if (!r->add_bos && !r->add_eos) {
        mn_jw_null(w);
        return;
    }
    mn_jw_object(w);
    mn_jw_kstrz(w, "type", "TemplateProcessing");
    mn_jw_key(w, "single");
    mn_jw_array(w);
    write_template_text(w, t, "A", 0);
    mn_jw_array_end(w);
    mn_jw_key(w, "pair");
    mn_jw_array(w);
    write_template_text(w, t, "A", 0);
    write_template_text(w, t, "B", 1);
    mn_jw_array_end(w);
    mn_jw_key(w, "special_tokens");
    mn_jw_object(w);
    if (r->add_bos) write_template_token(w, t, r->bos);
    if (r->add_eos && !(r->add_bos && r->eos == r->bos)) write_template_token(w, t, r->eos);
    mn_jw_object_end(w);
    mn_jw_object_end(w);
}

static void write_strip(mn_json_writer *w)
{
    mn_jw_object(w);
    mn_jw_kstrz(w, "type", "Strip");
    mn_jw_kstrz(w, "content", " ");
    mn_jw_ku64(w, "start", 1);
    mn_jw_ku64(w, "stop", 0);
    mn_jw_object_end(w);
}

static void write_decoder(mn_json_writer *w, const mn_tok_rules *r)
{
    mn_jw_key(w, "decoder");
    if (!r->pieces) {
        write_byte_level(w, true);
        return;
    }
    begin_sequence(w, "decoders");
    write_replace(w, BLANK, " ");
    write_plain(w, "ByteFallback", NULL, NULL);
    write_plain(w, "Fuse", NULL, NULL);
    if (r->strip) write_strip(w);
    end_sequence(w);
}

/* ---- the model ---------------------------------------------------------------------------------------------- */

/* From which id on there are only added tokens, and no gap before: `tokenizers` counts these on, and as part of the vocabulary they
 * could be what ignore_merges finds. */
static uint32_t vocab_end(const mn_tokenizer *t)
{
    uint32_t end = t->n;
    while (end && mn_tok__is_added(t->tokens[end - 1].kind)) end--;
    for (uint32_t id = 0; id < end; id++) {
        mn_tok_kind kind = t->tokens[id].kind;
        if (kind == MN_TOK_HOLE || kind == MN_TOK_UNUSED) return t->n;
    }
    return end;
}

static mn_rc write_vocab(mn_json_writer *w, const mn_tokenizer *t, mn_buf *name)
{
    uint32_t end = vocab_end(t);
    mn_jw_key(w, "vocab");
    mn_jw_object(w);
    for (uint32_t id = 0; id < end; id++) {
        mn_tok_kind kind = t->tokens[id].kind;
        if (kind == MN_TOK_HOLE ||
            (kind == MN_TOK_UNUSED && !(t->rules.pieces && id == t->rules.unk)))
            continue; /* what is never used must not be merged either */
        mn_buf_clear(name);
        MN_TRY(mn_tok__spell(t, id, name));
        mn_jw_key_str(w, mn_buf_str(name));
        mn_jw_u64(w, id);
    }
    mn_jw_object_end(w);
    return MN_OK;
}

static mn_rc write_merges(mn_json_writer *w, const mn_tokenizer *t, mn_buf *name)
{
    mn_jw_key(w, "merges"); /* in the form that every version of `tokenizers` reads */
    mn_jw_array(w);
    for (uint32_t rank = 0; rank < t->n_merges; rank++) {
        mn_buf_clear(name);
        MN_TRY(mn_tok__spell(t, t->merges[rank].left, name));
        MN_TRY(mn_buf_addc(name, ' '));
        MN_TRY(mn_tok__spell(t, t->merges[rank].right, name));
        mn_jw_str(w, mn_buf_str(name));
    }
    mn_jw_array_end(w);
    return MN_OK;
}

static mn_rc write_model(mn_json_writer *w, const mn_tokenizer *t, mn_buf *name)
{
    bool unk = t->rules.pieces && t->rules.unk != MN_TOK_NONE;
    mn_jw_key(w, "model");
    mn_jw_object(w);
    mn_jw_kstrz(w, "type", "BPE");
    mn_jw_kstr(w, "dropout", MN_STR_NONE);
    mn_jw_kstr(w, "unk_token", unk ? mn_tok__bytes(t, t->rules.unk) : MN_STR_NONE);
    mn_jw_kstr(w, "continuing_subword_prefix", MN_STR_NONE);
    mn_jw_kstr(w, "end_of_word_suffix", MN_STR_NONE);
    mn_jw_kbool(w, "fuse_unk", unk);
    mn_jw_kbool(w, "byte_fallback", t->rules.byte_fallback);
    mn_jw_kbool(w, "ignore_merges", t->rules.ignore_merges);
    MN_TRY(write_vocab(w, t, name));
    MN_TRY(write_merges(w, t, name));
    mn_jw_object_end(w);
    return MN_OK;
}

static mn_rc write_all(const mn_tokenizer *t, mn_buf *ret, mn_buf *name)
{
    mn_json_writer w;
    mn_json_writer_init(&w, ret, 1);
    mn_jw_object(&w);
    mn_jw_kstrz(&w, "version", "1.0");
    mn_jw_kstr(&w, "truncation", MN_STR_NONE);
    mn_jw_kstr(&w, "padding", MN_STR_NONE);
    write_added(&w, t);
    write_normalizer(&w, &t->rules);
    write_pre_tokenizer(&w, &t->rules);
    write_post_processor(&w, t);
    write_decoder(&w, &t->rules);
    MN_TRY(write_model(&w, t, name));
    mn_jw_object_end(&w);
    return mn_buf_addc(ret, '\n');
}

static mn_rc check_sayable(const mn_tokenizer *t, mn_err *e)
{
    if (t->symbols.n)
        return mn_fail(
            e, MN_E_UNSUPPORTED,
            "tokenizer.json cannot say what SentencePiece does with the user-defined '%.*s'",
            (int)t->symbols.items[0].text.len, t->symbols.items[0].text.ptr);
    if (t->order)
        return mn_fail(
            e, MN_E_UNSUPPORTED,
            "tokenizer.json cannot say that two of SentencePiece's pieces have the same score");
    return MN_OK;
}

mn_rc mn_tok__write(const mn_tokenizer *t, mn_buf *ret, mn_err *e)
{
    MN_TRY(check_sayable(t, e));
    mn_buf name;
    mn_buf_init(&name, 0);
    mn_rc rc = write_all(t, ret, &name);
    if (rc == MN_OK) rc = ret->failed;
    mn_buf_release(&name);
    return rc == MN_OK ? rc : mn_fail(e, rc, "out of memory while writing a tokenizer");
}

mn_rc mn_tok_save(const mn_tokenizer *t, const char *path, mn_err *e)
{
    mn_buf text;
    mn_buf_init(&text, 0);
    mn_rc rc = mn_tok__write(t, &text, e);
    if (rc != MN_OK) mn_err_wrap(e, "tokenizer '%s'", path);
    else rc = mn_fs_write_atomic(path, text.ptr, text.len, e);
    mn_buf_release(&text);
    return rc;
}
