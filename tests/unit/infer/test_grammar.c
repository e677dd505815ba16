#include "test.h"

#include <jansson.h>
#include <locale.h>
#include <math.h>
#include <regex.h>

#include "infer/grammar.h"

/* A tokenizer that learnt on JSON, so that its tokens span names, quotes, commas and brackets. */
typedef struct room {
    mn_tokenizer *tok;
    mn_vocab_trie *trie;
    uint32_t end;
} room;

static const char *const lines[] = {
    "{\"name\": \"Ada\", \"age\": 36, \"tags\": [\"a\", \"b\"], \"ok\": true}",
    "{\"a\":1,\"b\":[1,2,3],\"c\":{\"d\":null,\"e\":false}}",
    "[{\"id\":\"12\",\"text\":\"grüße aus der küche\"},{\"id\":\"13\",\"text\":\"\"}]",
    "{\n  \"a\": \"x\",\n  \"b\": \"yz\",\n  \"c\": []\n}",
    "\"},{\"", "\"],\"b\":\"", "こんにちは世界 \"quoted\" and \\\"escaped\\\" \\n \\u00e9",
    "2024-05-01T12:30:00Z 10.25 -3.5e+10 100 1000 99999 0.125",
    "the mynah learns to talk; the mynah talks to those around it"};

static int open_room(void **state)
{
    mn_err e = {0};
    mn_tok_trainer *tr;
    room *r = calloc(1, sizeof *r);
    RUN(mn_tok_trainer_new(&tr, &e));
    for (int k = 0; k < 3; k++) {
        for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
            RUN(mn_tok_trainer_add(tr, mn_str_from(lines[i]), &e));
    }
    RUN(mn_tok_trainer_finish(tr, 700, &r->tok, &e));
    mn_tok_trainer_free(tr);
    r->end = MN_TOK_END;
    RUN(mn_vocab_trie_new(r->tok, &r->end, 1, &r->trie, &e));
    *state = r;
    return 0;
}

static int close_room(void **state)
{
    room *r = *state;
    mn_vocab_trie_free(r->trie);
    mn_tok_free(r->tok);
    free(r);
    return 0;
}

static mn_rc compile(const room *r, const char *schema, mn_grammar **ret, mn_err *e)
{
    mn_arena a;
    mn_json *v;
    mn_arena_init(&a, 0);
    mn_rc rc = mn_json_parse(mn_str_from(schema), &a, &v, e);
    if (rc == MN_OK) rc = mn_grammar_json_schema(r->trie, v, ret, e);
    mn_arena_release(&a);
    return rc;
}

/* ---- chance ---------------------------------------------------------------------------------------------------- */

static uint64_t seed;
static uint32_t chance(uint32_t n)
{
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)((seed >> 33) % n);
}

/* A token that the mask allows, every one as likely as the others; checks that allows() agrees on some tokens. */
static uint32_t draw(const room *r, mn_constraint *c)
{
    mn_err e = {0};
    const uint64_t *mask;
    uint32_t V = mn_tok_vocab(r->tok), n = 0, pick = 0;
    RUN(mn_constraint_mask(c, &mask, &e));
    for (uint32_t id = 0; id < V; id++) n += mask[id / 64] >> id % 64 & 1;
    if (!n) fail_msg("no token is allowed");
    uint32_t k = chance(n);
    for (uint32_t id = 0; id < V; id++) {
        if (!(mask[id / 64] >> id % 64 & 1)) continue;
        if (!k--) pick = id;
    }
    uint64_t bits[64];
    memcpy(bits, mask, (V + 63) / 64 * 8);
    for (int i = 0; i < 8; i++) {
        uint32_t id = chance(V);
        if (mn_constraint_allows(c, id) != (bool)(bits[id / 64] >> id % 64 & 1))
            fail_msg("mask and allows() differ on token %u", id);
    }
    return pick;
}

/* Draws to the end; what was written is in ret. Forced bytes are checked on the way. */
static void walk(const room *r, mn_grammar *g, mn_buf *ret)
{
    mn_err e = {0};
    mn_constraint *c, *copy;
    char forced[300] = "";
    size_t n_forced = 0, at = 0;
    mn_buf_clear(ret);
    RUN(mn_constraint_new(g, &c, &e));
    for (int i = 0;; i++) {
        if (at >= n_forced) {
            mn_str f = mn_constraint_forced(c);
            memcpy(forced, f.ptr, n_forced = f.len);
            at = 0;
        }
        uint32_t id = draw(r, c);
        if (i % 5 == 4) { /* a copy goes the same way, and the first one on its own */
            RUN(mn_constraint_copy(c, &copy, &e));
            RUN(mn_constraint_take(c, draw(r, c), &e));
            mn_constraint_free(c);
            c = copy;
        }
        RUN(mn_constraint_take(c, id, &e));
        if (id == r->end) break;
        mn_str s = mn_tok_bytes(r->tok, id);
        for (size_t k = 0; k < s.len && at < n_forced; k++, at++) {
            if (s.ptr[k] != forced[at]) fail_msg("a forced byte was not written");
        }
        mn_buf_adds(ret, s);
        OK(ret->len < 200000);
    }
    OK(mn_constraint_complete(c));
    mn_constraint_free(c);
}

/* ---- a validator that knows nothing of src/infer ----------------------------------------------------------------- */

static bool valid(json_t *v, json_t *s, json_t *root);

static bool valid_number(json_t *v, json_t *s)
{
    double x = json_number_value(v);
    json_t *k;
    if ((k = json_object_get(s, "minimum")) && x < json_number_value(k)) return false;
    if ((k = json_object_get(s, "maximum")) && x > json_number_value(k)) return false;
    if ((k = json_object_get(s, "exclusiveMinimum")) && x <= json_number_value(k)) return false;
    if ((k = json_object_get(s, "exclusiveMaximum")) && x >= json_number_value(k)) return false;
    return true;
}

static bool matches(const char *text, const char *pattern)
{
    regex_t re;
    if (regcomp(&re, pattern, REG_EXTENDED | REG_NOSUB)) fail_msg("%s", pattern);
    bool ok = regexec(&re, text, 0, NULL, 0) == 0;
    regfree(&re);
    return ok;
}

static bool valid_string(json_t *v, json_t *s)
{
    json_t *k;
    const char *t = json_string_value(v);
    size_t n = 0;
    for (const char *p = t; *p; p++) n += (*p & 0xC0) != 0x80;
    if ((k = json_object_get(s, "minLength")) && n < (size_t)json_integer_value(k)) return false;
    if ((k = json_object_get(s, "maxLength")) && n > (size_t)json_integer_value(k)) return false;
    if ((k = json_object_get(s, "pattern")) && !matches(t, json_string_value(k))) return false;
    if ((k = json_object_get(s, "format")) && !strcmp(json_string_value(k), "date") &&
        !matches(t, "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"))
        return false;
    if ((k = json_object_get(s, "format")) && !strcmp(json_string_value(k), "uuid") && strlen(t) != 36)
        return false;
    return true;
}

static bool valid_array(json_t *v, json_t *s, json_t *root)
{
    size_t n = json_array_size(v);
    json_t *k, *prefix = json_object_get(s, "prefixItems"), *items = json_object_get(s, "items");
    if ((k = json_object_get(s, "minItems")) && n < (size_t)json_integer_value(k)) return false;
    if ((k = json_object_get(s, "maxItems")) && n > (size_t)json_integer_value(k)) return false;
    for (size_t i = 0; i < n; i++) {
        json_t *say = i < json_array_size(prefix) ? json_array_get(prefix, i) : items;
        if (say && !valid(json_array_get(v, i), say, root)) return false;
    }
    return true;
}

static bool valid_object(json_t *v, json_t *s, json_t *root)
{
    const char *key;
    json_t *m, *k = json_object_get(s, "required"), *p = json_object_get(s, "properties");
    size_t i;
    json_array_foreach(k, i, m) {
        if (!json_object_get(v, json_string_value(m))) return false;
    }
    json_object_foreach(v, key, m) {
        json_t *say = json_object_get(p, key);
        if (!say) say = json_object_get(s, "additionalProperties");
        if (say && !valid(m, say, root)) return false;
    }
    return true;
}

static bool type_is(json_t *v, const char *t)
{
    return (!strcmp(t, "null") && json_is_null(v)) || (!strcmp(t, "boolean") && json_is_boolean(v)) ||
           (!strcmp(t, "integer") &&
            (json_is_integer(v) || (json_is_real(v) && floor(json_real_value(v)) == json_real_value(v)))) ||
           (!strcmp(t, "number") && json_is_number(v)) || (!strcmp(t, "string") && json_is_string(v)) ||
           (!strcmp(t, "array") && json_is_array(v)) || (!strcmp(t, "object") && json_is_object(v));
}

static bool any_of(json_t *v, json_t *list, json_t *root, bool all)
{
    size_t i;
    json_t *s;
    json_array_foreach(list, i, s) {
        if (valid(v, s, root) != all) return !all;
    }
    return all;
}

static bool valid(json_t *v, json_t *s, json_t *root)
{
    json_t *k;
    size_t i;
    if (json_is_boolean(s)) return json_is_true(s);
    if ((k = json_object_get(s, "$ref"))) {
        const char *name = strrchr(json_string_value(k), '/');
        json_t *to = name ? json_object_get(json_object_get(root, "$defs"), name + 1) : root;
        OK(to != NULL);
        if (!valid(v, to, root)) return false;
    }
    if ((k = json_object_get(s, "anyOf")) && !any_of(v, k, root, false)) return false;
    if ((k = json_object_get(s, "allOf")) && !any_of(v, k, root, true)) return false;
    if ((k = json_object_get(s, "const")) && !json_equal(v, k)) return false;
    if ((k = json_object_get(s, "enum"))) {
        bool found = false;
        json_t *x;
        json_array_foreach(k, i, x) found = found || json_equal(v, x);
        if (!found) return false;
    }
    k = json_object_get(s, "type");
    if (json_is_string(k) && !type_is(v, json_string_value(k))) return false;
    if (json_is_array(k)) {
        bool found = false;
        json_t *x;
        json_array_foreach(k, i, x) found = found || type_is(v, json_string_value(x));
        if (!found) return false;
    }
    if (json_is_number(v)) return valid_number(v, s);
    if (json_is_string(v)) return valid_string(v, s);
    if (json_is_array(v)) return valid_array(v, s, root);
    return !json_is_object(v) || valid_object(v, s, root);
}

static void check(const char *schema, const mn_buf *text)
{
    json_error_t je;
    json_t *s = json_loads(schema, JSON_DECODE_ANY, &je), *v = json_loadb(text->ptr, text->len, JSON_DECODE_ANY, &je);
    if (!s || !v) fail_msg("%s: %s\n%s", schema, text->ptr, je.text);
    if (!valid(v, s, s)) fail_msg("%s does not suit %s", text->ptr, schema);
    json_decref(s);
    json_decref(v);
}

/* ---- schemas of chance ------------------------------------------------------------------------------------------- */

static void schema_of(mn_buf *b, int depth);

static void number_schema(mn_buf *b, bool integer)
{
    int lo = (int)chance(2000) - 1000, hi = lo + (int)chance(400);
    mn_buf_addf(b, "{\"type\":\"%s\"", integer ? "integer" : "number");
    const char *point = integer ? "" : chance(2) ? ".5" : ".25e0";
    if (chance(2)) mn_buf_addf(b, ",\"%s\":%d%s", chance(3) ? "minimum" : "exclusiveMinimum", lo, point);
    if (chance(2)) mn_buf_addf(b, ",\"%s\":%d%s", chance(3) ? "maximum" : "exclusiveMaximum", hi + 2, point);
    mn_buf_addz(b, "}");
}

static void string_schema(mn_buf *b)
{
    static const char *const patterns[] = {"^[a-z]{2,5}$",         "^(foo|bar)+$",    "^[0-9]{3}-[0-9]{4}$",
                                           "^#[0-9a-fA-F]{6}$",    "ab",              "^[^a-z\\\"]{1,4}$",
                                           "^a.*z$",               "^x?y*(z|[0-3]+)$", "^é{1,3}[àü]?$"};
    static const char *const formats[] = {"date", "time", "date-time", "uuid", "email", "uri", "ipv4", "hostname"};
    mn_buf_addz(b, "{\"type\":\"string\"");
    uint32_t kind = chance(4), min = chance(6);
    if (kind == 0 || kind == 3) {
        if (chance(2)) mn_buf_addf(b, ",\"minLength\":%u", min);
        if (chance(2)) mn_buf_addf(b, ",\"maxLength\":%u", min + chance(300));
    }
    if (kind == 1) mn_buf_addf(b, ",\"pattern\":\"%s\"", patterns[chance(9)]);
    if (kind == 1 && chance(3) == 0) mn_buf_addf(b, ",\"maxLength\":%u", 12 + chance(20));
    if (kind == 2) mn_buf_addf(b, ",\"format\":\"%s\"", formats[chance(8)]);
    mn_buf_addz(b, "}");
}

static void array_schema(mn_buf *b, int depth)
{
    uint32_t min = chance(4), prefix = chance(3) == 0 ? chance(3) : 0;
    mn_buf_addz(b, "{\"type\":\"array\"");
    if (prefix) {
        mn_buf_addz(b, ",\"prefixItems\":[");
        for (uint32_t i = 0; i < prefix; i++) {
            if (i) mn_buf_addz(b, ",");
            schema_of(b, depth + 1);
        }
        mn_buf_addz(b, "]");
    }
    mn_buf_addz(b, ",\"items\":");
    schema_of(b, depth + 1);
    if (chance(2)) mn_buf_addf(b, ",\"minItems\":%u", min);
    if (chance(2)) mn_buf_addf(b, ",\"maxItems\":%u", min + chance(5));
    mn_buf_addz(b, "}");
}

static void object_schema(mn_buf *b, int depth)
{
    static const char *const names[] = {"a", "b", "name", "nam", "ü", "x y", "q\\\"t", "tags"};
    uint32_t first = chance(4), n = chance(5);
    mn_buf_addz(b, "{\"type\":\"object\",\"properties\":{");
    for (uint32_t i = 0; i < n; i++) {
        mn_buf_addf(b, "%s\"%s\":", i ? "," : "", names[first + i]);
        schema_of(b, depth + 1);
    }
    mn_buf_addz(b, "},\"required\":[");
    bool any = false;
    for (uint32_t i = 0; i < n; i++) {
        if (chance(2)) continue;
        mn_buf_addf(b, "%s\"%s\"", any ? "," : "", names[first + i]);
        any = true;
    }
    mn_buf_addz(b, "]");
    uint32_t more = chance(4);
    if (more == 0) mn_buf_addz(b, ",\"additionalProperties\":false");
    if (more == 1) {
        mn_buf_addz(b, ",\"additionalProperties\":");
        schema_of(b, depth + 2);
    }
    mn_buf_addz(b, "}");
}

static void schema_of(mn_buf *b, int depth)
{
    uint32_t kind = depth > 3 ? chance(5) : chance(11);
    switch (kind) {
    case 0: mn_buf_addz(b, chance(2) ? "{\"type\":\"null\"}" : "{\"type\":\"boolean\"}"); break;
    case 1: number_schema(b, true); break;
    case 2: number_schema(b, false); break;
    case 3: string_schema(b); break;
    case 4: mn_buf_addz(b, chance(2) ? "{\"enum\":[\"red\",\"re\",\"green\",3,null,[1,{\"a\":\"\\n\"}]]}"
                                     : "{\"const\":{\"k\":[true,1.5]}}"); break;
    case 5:
    case 6: array_schema(b, depth); break;
    case 7:
    case 8: object_schema(b, depth); break;
    case 9:
        mn_buf_addz(b, "{\"anyOf\":[");
        schema_of(b, depth + 1);
        mn_buf_addz(b, ",");
        schema_of(b, depth + 1);
        mn_buf_addz(b, "]}");
        break;
    default: mn_buf_addf(b, "{\"$ref\":\"#/$defs/%s\"}", chance(2) ? "tree" : "list"); break;
    }
}

static void random_schema(mn_buf *b)
{
    mn_buf_clear(b);
    mn_buf_addz(b, "{\"$defs\":{\"tree\":{\"type\":\"object\",\"properties\":{\"v\":{\"type\":\"integer\"},\"kids\":"
                   "{\"type\":\"array\",\"items\":{\"$ref\":\"#/$defs/tree\"},\"maxItems\":3}},\"required\":[\"v\"]},"
                   "\"list\":{\"anyOf\":[{\"type\":\"null\"},{\"type\":\"array\",\"prefixItems\":[{\"type\":\"boolean\"},"
                   "{\"$ref\":\"#/$defs/list\"}],\"items\":false,\"minItems\":2}]}},\"allOf\":[");
    schema_of(b, 0);
    mn_buf_addz(b, "]}");
}

static void whatever_is_drawn_under_the_mask_suits_the_schema(void **state)
{
    room *r = *state;
    mn_buf schema, text;
    const char *out = getenv("MYNAH_GRAMMAR_OUT"); /* schema and value on a line, for validators elsewhere */
    FILE *f = out ? fopen(out, "w") : NULL;
    int n = getenv("MYNAH_GRAMMAR_N") ? atoi(getenv("MYNAH_GRAMMAR_N")) : 1000;
    mn_buf_init(&schema, 0);
    mn_buf_init(&text, 0);
    seed = 20261122;
    for (int i = 0; i < n; i++) {
        mn_err e = {0};
        mn_grammar *g;
        random_schema(&schema);
        mn_rc rc = compile(r, schema.ptr, &g, &e);
        if (rc != MN_OK) fail_msg("%s: %s", e.msg, schema.ptr);
        for (int k = 0; k < 3; k++) {
            walk(r, g, &text);
            check(schema.ptr, &text);
            json_t *v = f ? json_loadb(text.ptr, text.len, JSON_DECODE_ANY, NULL) : NULL;
            char *line = v ? json_dumps(v, JSON_ENCODE_ANY | JSON_COMPACT) : NULL;
            if (line) fprintf(f, "[%s,%s]\n", schema.ptr, line);
            free(line);
            if (v) json_decref(v);
        }
        mn_grammar_unref(g);
    }
    if (f) fclose(f);
    mn_buf_release(&schema);
    mn_buf_release(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(whatever_is_drawn_under_the_mask_suits_the_schema),
    };
    setlocale(LC_CTYPE, "C.UTF-8"); /* for regexec */
    return cmocka_run_group_tests(tests, open_room, close_room);
}
