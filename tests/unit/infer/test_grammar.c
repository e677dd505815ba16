#include "test.h"

#include <jansson.h>
#include <locale.h>
#include <math.h>
#include <pthread.h>
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
    "\"},{\"",
    "\"],\"b\":\"",
    "こんにちは世界 \"quoted\" and \\\"escaped\\\" \\n \\u00e9",
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
    if ((k = json_object_get(s, "minLength")) && n < (size_t)json_integer_value(k))
        return false;
    if ((k = json_object_get(s, "maxLength")) && n > (size_t)json_integer_value(k))
        return false;
    if ((k = json_object_get(s, "pattern")) && !matches(t, json_string_value(k))) return false;
    if ((k = json_object_get(s, "format")) && !strcmp(json_string_value(k), "date") &&
        !matches(t, "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"))
        return false;
    if ((k = json_object_get(s, "format")) && !strcmp(json_string_value(k), "uuid") &&
        strlen(t) != 36)
        return false;
    return true;
}

static bool valid_array(json_t *v, json_t *s, json_t *root)
{
    size_t n = json_array_size(v);
    json_t *k, *prefix = json_object_get(s, "prefixItems"),
               *items = json_object_get(s, "items");
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
    json_array_foreach(k, i, m)
    {
        if (!json_object_get(v, json_string_value(m))) return false;
    }
    json_object_foreach(v, key, m)
    {
        json_t *say = json_object_get(p, key);
        if (!say) say = json_object_get(s, "additionalProperties");
        if (say && !valid(m, say, root)) return false;
    }
    return true;
}

static bool type_is(json_t *v, const char *t)
{
    return (!strcmp(t, "null") && json_is_null(v)) ||
           (!strcmp(t, "boolean") && json_is_boolean(v)) ||
           (!strcmp(t, "integer") &&
            (json_is_integer(v) ||
             (json_is_real(v) && floor(json_real_value(v)) == json_real_value(v)))) ||
           (!strcmp(t, "number") && json_is_number(v)) ||
           (!strcmp(t, "string") && json_is_string(v)) ||
           (!strcmp(t, "array") && json_is_array(v)) ||
           (!strcmp(t, "object") && json_is_object(v));
}

static bool any_of(json_t *v, json_t *list, json_t *root, bool all)
{
    size_t i;
    json_t *s;
    json_array_foreach(list, i, s)
    {
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
    json_t *s = json_loads(schema, JSON_DECODE_ANY, &je),
           *v = json_loadb(text->ptr, text->len, JSON_DECODE_ANY, &je);
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
    if (chance(2))
        mn_buf_addf(b, ",\"%s\":%d%s", chance(3) ? "minimum" : "exclusiveMinimum", lo, point);
    if (chance(2))
        mn_buf_addf(b, ",\"%s\":%d%s", chance(3) ? "maximum" : "exclusiveMaximum", hi + 2,
                    point);
    mn_buf_addz(b, "}");
}

static void string_schema(mn_buf *b)
{
    static const char *const patterns[] = {
        "^[a-z]{2,5}$",      "^(foo|bar)+$", "^[0-9]{3}-[0-9]{4}$", "^#[0-9a-fA-F]{6}$", "ab",
        "^[^a-z\\\"]{1,4}$", "^a.*z$",       "^x?y*(z|[0-3]+)$",    "^é{1,3}[àü]?$"};
    static const char *const formats[] = {"date",  "time", "date-time", "uuid",
                                          "email", "uri",  "ipv4",      "hostname"};
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
    case 0:
        mn_buf_addz(b, chance(2) ? "{\"type\":\"null\"}" : "{\"type\":\"boolean\"}");
        break;
    case 1:
        number_schema(b, true);
        break;
    case 2:
        number_schema(b, false);
        break;
    case 3:
        string_schema(b);
        break;
    case 4:
        mn_buf_addz(b, chance(2)
                           ? "{\"enum\":[\"red\",\"re\",\"green\",3,null,[1,{\"a\":\"\\n\"}]]}"
                           : "{\"const\":{\"k\":[true,1.5]}}");
        break;
    case 5:
    case 6:
        array_schema(b, depth);
        break;
    case 7:
    case 8:
        object_schema(b, depth);
        break;
    case 9:
        mn_buf_addz(b, "{\"anyOf\":[");
        schema_of(b, depth + 1);
        mn_buf_addz(b, ",");
        schema_of(b, depth + 1);
        mn_buf_addz(b, "]}");
        break;
    default:
        mn_buf_addf(b, "{\"$ref\":\"#/$defs/%s\"}", chance(2) ? "tree" : "list");
        break;
    }
}

static void random_schema(mn_buf *b)
{
    mn_buf_clear(b);
    mn_buf_addz(b,
                "{\"$defs\":{\"tree\":{\"type\":\"object\",\"properties\":{\"v\":{\"type\":"
                "\"integer\"},\"kids\":"
                "{\"type\":\"array\",\"items\":{\"$ref\":\"#/$defs/"
                "tree\"},\"maxItems\":3}},\"required\":[\"v\"]},"
                "\"list\":{\"anyOf\":[{\"type\":\"null\"},{\"type\":\"array\",\"prefixItems\":["
                "{\"type\":\"boolean\"},"
                "{\"$ref\":\"#/$defs/list\"}],\"items\":false,\"minItems\":2}]}},\"allOf\":[");
    schema_of(b, 0);
    mn_buf_addz(b, "]}");
}

static void whatever_is_drawn_under_the_mask_suits_the_schema(void **state)
{
    room *r = *state;
    mn_buf schema, text;
    const char *out =
        getenv("MYNAH_GRAMMAR_OUT"); /* schema and value on a line, for validators elsewhere */
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

/* ---- one thing at a time ------------------------------------------------------------------------------------------ */

/* Takes the text byte by byte; whether it is a whole output. */
static bool accepts(const room *r, mn_grammar *g, const char *text, size_t len)
{
    mn_err e = {0};
    mn_constraint *c;
    bool ok = true;
    RUN(mn_constraint_new(g, &c, &e));
    for (size_t i = 0; i < len && ok; i++) {
        uint32_t id = mn_tok_find(r->tok, (mn_str){text + i, 1});
        bool allowed = mn_constraint_allows(c, id);
        ok = mn_constraint_take(c, id, &e) == MN_OK;
        OK(ok == allowed);
    }
    ok = ok && mn_constraint_complete(c);
    mn_constraint_free(c);
    return ok;
}

static void expect(const room *r, const char *schema, const char *const *good,
                   const char *const *bad)
{
    mn_err e = {0};
    mn_grammar *g;
    mn_rc rc = compile(r, schema, &g, &e);
    if (rc != MN_OK) fail_msg("%s: %s", schema, e.msg);
    for (; *good; good++) {
        if (!accepts(r, g, *good, strlen(*good))) fail_msg("%s refuses %s", schema, *good);
    }
    for (; *bad; bad++) {
        if (accepts(r, g, *bad, strlen(*bad))) fail_msg("%s takes %s", schema, *bad);
    }
    mn_grammar_unref(g);
}
#define GOOD(...) ((const char *const[]){__VA_ARGS__, NULL})
#define NOT(...)  ((const char *const[]){__VA_ARGS__, NULL})

static void patterns_mean_what_ecma_says(void **state)
{
    room *r = *state;
    expect(r, "{\"type\":\"string\",\"pattern\":\"^[à-ü]{2}$\"}", GOOD("\"éñ\"", "\"àü\""),
           NOT("\"é\"", "\"éz\"", "\"éñé\""));
    expect(r, "{\"type\":\"string\",\"pattern\":\"b\"}", GOOD("\"b\"", "\"abc\"", "\"\\n世b\""),
           NOT("\"ac\"", "\"\""));
    expect(r, "{\"type\":\"string\",\"pattern\":\"^a|b$\"}", GOOD("\"ax\"", "\"xb\""),
           NOT("\"xa\"", "\"bx\""));
    expect(r, "{\"type\":\"string\",\"pattern\":\"^[^a\\\\d]+$\"}",
           GOOD("\"b-\\\"\"", "\"é\\\\\""), NOT("\"a\"", "\"b1\"", "\"\""));
    expect(r, "{\"type\":\"string\",\"pattern\":\"^(?:ab?){2,3}$\"}",
           GOOD("\"aa\"", "\"abaab\""), NOT("\"a\"", "\"aaaa\"", "\"abb\""));
    expect(r, "{\"type\":\"string\",\"pattern\":\"^\\\\w+@\\\\u00e9\\\\x41\\\\.$\"}",
           GOOD("\"a_1@éA.\""), NOT("\"a@éAb\""));
    expect(r, "{\"type\":\"string\",\"pattern\":\"^.*?$\"}", GOOD("\"\"", "\"a b\""),
           NOT("\"a\\nb\""));
    expect(r, "{\"type\":\"string\",\"pattern\":\"^[a-z]+$\",\"minLength\":2,\"maxLength\":3}",
           GOOD("\"ab\"", "\"abc\""), NOT("\"a\"", "\"abcd\"", "\"a1\""));
    expect(r, "{\"allOf\":[{\"type\":\"string\",\"pattern\":\"^a\"},{\"pattern\":\"b$\"}]}",
           GOOD("\"ab\"", "\"axb\""), NOT("\"a\"", "\"b\""));
    expect(r, "{\"type\":\"string\",\"pattern\":\"^[😀-😃]$\"}", GOOD("\"😂\""),
           NOT("\"😄\"", "\"a\""));
}

static void strings_count_characters_and_stay_utf8(void **state)
{
    room *r = *state;
    expect(r, "{\"type\":\"string\",\"minLength\":2,\"maxLength\":3}",
           GOOD("\"ab\"", "\"世\\n\\u00e9\"", "\"😀😀\""), NOT("\"a\"", "\"abcd\"", "\"世\""));
    expect(r, "{\"type\":\"string\"}", GOOD("\"\"", "\"\\\\\\/\\uABcd\"", "\n  \"x\""),
           NOT("\"\xC3\"", "\"\xC0\x80\"", "\"\xED\xA0\x80\"", "\"\xF4\x90\x80\x80\"",
               "\"\\u0000\"", "\"\\ud800\"", "\"\\x\"", "\"a", "\"\t\""));
}

static void numbers_keep_to_their_bounds(void **state)
{
    room *r = *state;
    mn_err e = {0};
    mn_grammar *g;
    seed = 7;
    for (int k = 0; k < 60; k++) {
        char schema[200], text[32];
        int lo = (int)chance(2400) - 1200, hi = lo + 1 + (int)chance(k % 3 ? 30 : 1500);
        bool open = k % 4 == 0 && hi > lo + 1;
        snprintf(schema, sizeof schema, "{\"type\":\"integer\",\"%s\":%d,\"maximum\":%d.5e0}",
                 open ? "exclusiveMinimum" : "minimum", lo, hi);
        RUN(compile(r, schema, &g, &e));
        for (int v = lo - 50; v < hi + 50; v += 1) {
            bool in =
                (open ? v > lo : v >= lo) && v <= (hi < 0 ? hi - 1 : hi) /* -3.5 is below -3 */;
            int n = snprintf(text, sizeof text, "%d", v);
            if (accepts(r, g, text, (size_t)n) != in) fail_msg("%s: %s", schema, text);
        }
        mn_grammar_unref(g);
        snprintf(schema, sizeof schema,
                 "{\"type\":\"number\",\"minimum\":%d.25,\"exclusiveMaximum\":%d.5}", lo,
                 hi + 1);
        RUN(compile(r, schema, &g, &e));
        double from = lo < 0 ? lo - 0.25 : lo + 0.25, to = hi + 1 < 0 ? hi + 0.5 : hi + 1.5;
        for (double v = from - 3; v < from + 3; v += 0.125) {
            int n = snprintf(text, sizeof text, "%.3f", v);
            if (!strncmp(text, "-0.000", 6)) continue;
            if (accepts(r, g, text, (size_t)n) != (v >= from && v < to))
                fail_msg("%s: %s", schema, text);
        }
        mn_grammar_unref(g);
    }
    expect(r, "{\"type\":\"integer\"}", GOOD("0", "-7", "999999999999999"),
           NOT("-0", "01", "1.0", "1e3", "1000000000000000", "+1"));
    expect(r, "{\"type\":\"number\"}", GOOD("0", "-0.5", "1e10", "2.50E-3"),
           NOT("01", ".5", "1.", "1e", "1e100", "-"));
    expect(r,
           "{\"type\":\"integer\",\"maximum\":9007199254740991,\"minimum\":-9007199254740991}",
           GOOD("9007199254740991", "-9007199254740991"),
           NOT("9007199254740992", "99999999999999999"));
}

static void objects_are_written_in_order_and_no_name_twice(void **state)
{
    room *r = *state;
    expect(
        r,
        "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"null\"},\"b\":{\"type\":"
        "\"null\"},\"c\":{\"type\":\"null\"}},\"required\":[\"b\"]}",
        GOOD("{\"b\":null}", "{\"a\": null, \"b\": null}", "{\n  \"b\":null,\n  \"c\":null\n}"),
        NOT("{}", "{\"a\":null}", "{\"b\":null,\"a\":null}", "{\"b\":null,}",
            "{\"b\":null,\"b\":null}", "{\"b\":null,\"d\":null}"));
    expect(r,
           "{\"type\":\"object\",\"properties\":{\"ab\":{\"type\":\"null\"}},"
           "\"additionalProperties\":{\"type\":\"boolean\"}}",
           GOOD("{}", "{\"ab\":null,\"a\":true}", "{\"abc\":true,\"é\":false}"),
           NOT("{\"ab\":true}", "{\"a\":true,\"ab\":true}", "{\"x\":null}"));
    expect(r,
           "{\"allOf\":[{\"properties\":{\"a\":{\"type\":\"integer\"}},\"required\":[\"a\"]},{"
           "\"properties\":{\"a\":{\"minimum\":5},\"b\":true}}]}",
           GOOD("{\"a\":5}", "{\"a\":7,\"b\":[{}]}"), NOT("{\"a\":4}", "{\"b\":1}"));
    expect(r, "{\"enum\":[1,\"a\",null,2],\"type\":[\"integer\",\"null\"],\"minimum\":2}",
           GOOD("2", "null"), NOT("1", "\"a\""));
    expect(r,
           "{\"anyOf\":[{\"type\":\"integer\",\"minimum\":10},{\"const\":\"x\"}],\"nullable\":"
           "true}",
           GOOD("10", "\"x\""), NOT("9", "null"));
    expect(r,
           "{\"type\":\"array\",\"prefixItems\":[{\"const\":1},{\"const\":2}],\"items\":{"
           "\"const\":3},\"minItems\":1,\"maxItems\":4}",
           GOOD("[1]", "[1, 2]", "[1,2,3,3]"),
           NOT("[]", "[2]", "[1,2,3,3,3]", "[1,3]", "[1,]"));
}

static void a_choice_is_one_of_its_strings(void **state)
{
    room *r = *state;
    mn_err e = {0};
    mn_grammar *g;
    mn_constraint *c;
    const uint64_t *mask;
    const mn_str ids[] = {MN_STR("12"), MN_STR("123"), MN_STR("9"), MN_STR("12"),
                          MN_STR("1899")};
    RUN(mn_grammar_choice(r->trie, ids, 5, &g, &e));
    OK(accepts(r, g, "12", 2) && accepts(r, g, "123", 3) && accepts(r, g, "9", 1) &&
       accepts(r, g, "1899", 4));
    OK(!accepts(r, g, "1", 1) && !accepts(r, g, "124", 3) && !accepts(r, g, "99", 2) &&
       !accepts(r, g, "", 0));
    RUN(mn_constraint_new(g, &c, &e));
    RUN(mn_constraint_take(c, mn_tok_find(r->tok, MN_STR("1")), &e));
    FAILS(MN_E_USAGE, mn_constraint_take(c, mn_tok_find(r->tok, MN_STR("x")), &e));
    FAILS(MN_E_USAGE, mn_constraint_take(c, r->end, &e));
    FAILS(MN_E_USAGE, mn_constraint_take(c, 100000, &e));
    RUN(mn_constraint_take(c, mn_tok_find(r->tok, MN_STR("8")), &e));
    mn_str f = mn_constraint_forced(c);
    OK(f.len == 2 && !memcmp(f.ptr, "99", 2));
    for (int i = 0; i < 2; i++)
        RUN(mn_constraint_take(c, mn_tok_find(r->tok, MN_STR("9")), &e));
    RUN(mn_constraint_mask(c, &mask, &e)); /* nothing but the end, then and ever after */
    for (int i = 0; i < 2; i++) {
        for (uint32_t id = 0; id < mn_tok_vocab(r->tok); id++)
            OK((mask[id / 64] >> id % 64 & 1) == (id == r->end));
        RUN(mn_constraint_take(c, r->end, &e));
        RUN(mn_constraint_mask(c, &mask, &e));
    }
    FAILS(MN_E_USAGE, mn_constraint_take(c, mn_tok_find(r->tok, MN_STR("9")), &e));
    mn_constraint_free(c);
    mn_grammar_unref(g);
    FAILS(MN_E_USAGE, mn_grammar_choice(r->trie, ids, 0, &g, &e));
    FAILS(MN_E_USAGE, mn_grammar_choice(r->trie, &MN_STR(""), 1, &g, &e));
}

static int nesting(const mn_buf *text)
{
    int now = 0, most = 0;
    bool in = false;
    for (size_t i = 0; i < text->len; i++) {
        char c = text->ptr[i];
        if (in && c == '\\') i++;
        else if (c == '"') in = !in;
        else if (!in && (c == '[' || c == '{') && ++now > most) most = now;
        else if (!in && (c == ']' || c == '}')) now--;
    }
    return most;
}

static void recursion_without_bounds_comes_to_an_end(void **state)
{
    room *r = *state;
    static const char *const schemas[] = {
        "{\"type\":\"array\",\"items\":{\"$ref\":\"#\"},\"minItems\":0}",
        "{\"anyOf\":[{\"type\":\"array\",\"items\":{\"$ref\":\"#\"},\"minItems\":3},{\"type\":"
        "\"string\"}]}",
        "{\"type\":\"object\",\"properties\":{\"l\":{\"$ref\":\"#\"},\"r\":{\"$ref\":\"#\"}},"
        "\"additionalProperties\":{\"$ref\":\"#\"}}",
        "{\"type\":\"object\",\"properties\":{\"next\":{\"anyOf\":[{\"$ref\":\"#\"},{\"type\":"
        "\"null\"}]}},\"required\":[\"next\"]}",
    };
    mn_buf text;
    mn_buf_init(&text, 0);
    seed = 3;
    for (size_t i = 0; i < sizeof schemas / sizeof *schemas; i++) {
        mn_err e = {0};
        mn_grammar *g;
        RUN(compile(r, schemas[i], &g, &e));
        for (int k = 0; k < 4; k++) {
            walk(r, g, &text);
            OK(nesting(&text) <= 64);
            OK(text.len < 65536 + 65536);
            mn_arena a;
            mn_json *v;
            mn_arena_init(&a, 0);
            mn_rc rc = mn_json_parse(mn_buf_str(&text), &a, &v, &e);
            if (rc != MN_OK && !strstr(e.msg, "twice")) fail_msg("%s", e.msg);
            mn_arena_release(&a);
        }
        mn_grammar_unref(g);
    }
    mn_buf_release(&text);
}

static void what_cannot_end_is_left_out_or_refused(void **state)
{
    room *r = *state;
    expect(r,
           "{\"$defs\":{\"x\":{\"type\":\"object\",\"properties\":{\"n\":{\"$ref\":\"#/$defs/"
           "x\"}},\"required\":[\"n\"]}},"
           "\"type\":\"object\",\"properties\":{\"a\":{\"$ref\":\"#/$defs/"
           "x\"},\"b\":{\"type\":\"null\"}}}",
           GOOD("{}", "{\"b\":null}"), NOT("{\"a\":", "{\"a\":{}}"));
}

static void schemas_that_are_not_understood_are_refused_by_name(void **state)
{
    static const struct {
        const char *schema;
        mn_rc rc;
        const char *says;
    } cases[] = {
        {"[]", MN_E_PARSE, "a JSON schema is an object"},
        {"{\"not\":{}}", MN_E_UNSUPPORTED, "'not'"},
        {"{\"type\":\"object\",\"patternProperties\":{}}", MN_E_UNSUPPORTED,
         "'patternProperties'"},
        {"{\"properties\":{\"a\":{\"if\":true}}}", MN_E_UNSUPPORTED, "'if'"},
        {"{\"type\":\"integer\",\"multipleOf\":3}", MN_E_UNSUPPORTED, "'multipleOf'"},
        {"{\"type\":\"array\",\"uniqueItems\":true}", MN_E_UNSUPPORTED, "'uniqueItems'"},
        {"{\"type\":\"object\",\"minProperties\":2}", MN_E_UNSUPPORTED, "'minProperties'"},
        {"{\"type\":\"string\",\"format\":\"binary\"}", MN_E_UNSUPPORTED, "'binary'"},
        {"{\"type\":\"string\",\"pattern\":\"(?=a)\"}", MN_E_UNSUPPORTED, "looking ahead"},
        {"{\"type\":\"string\",\"pattern\":\"(a)\\\\1\"}", MN_E_UNSUPPORTED, "back references"},
        {"{\"type\":\"string\",\"pattern\":\"a$b\"}", MN_E_UNSUPPORTED, "'^' and '$'"},
        {"{\"type\":\"string\",\"pattern\":\"(a\"}", MN_E_PARSE, "without its ')'"},
        {"{\"type\":\"string\",\"pattern\":\"[z-a]\"}", MN_E_PARSE, "falls"},
        {"{\"type\":\"string\",\"pattern\":\"*\"}", MN_E_PARSE, "no meaning"},
        {"{\"type\":\"string\",\"pattern\":\"((a{1000}){1000}){1000}\"}", MN_E_LIMIT,
         "fewer repetitions"},
        {"{\"type\":\"string\",\"pattern\":\"(a|b)*a(a|b){30}\"}", MN_E_LIMIT,
         "fewer repetitions"},
        {"{\"type\":\"text\"}", MN_E_PARSE, "'text'"},
        {"{\"$ref\":\"other.json\"}", MN_E_UNSUPPORTED, "'other.json'"},
        {"{\"$ref\":\"#/$defs/no\"}", MN_E_PARSE, "leads nowhere"},
        {"{\"$ref\":\"#\"}", MN_E_UNSUPPORTED, "leads back to its own schema"},
        {"{\"anyOf\":[{\"type\":\"null\"},{\"$ref\":\"#\"}]}", MN_E_UNSUPPORTED,
         "leads back to its own schema"},
        {"{\"type\":\"object\",\"properties\":{\"a\":{\"$ref\":\"#\"}},\"required\":[\"a\"]}",
         MN_E_USAGE, "no finite value"},
        {"{\"type\":\"array\",\"items\":{\"$ref\":\"#\"},\"minItems\":1}", MN_E_USAGE,
         "no finite value"},
        {"{\"type\":\"integer\",\"minimum\":5,\"maximum\":4}", MN_E_USAGE,
         "contradicts itself"},
        {"{\"type\":\"string\",\"minLength\":5,\"maxLength\":4}", MN_E_USAGE,
         "contradicts itself"},
        {"{\"type\":\"string\",\"pattern\":\"^a$\",\"minLength\":2}", MN_E_USAGE,
         "contradicts itself"},
        {"{\"enum\":[1,2],\"type\":\"string\"}", MN_E_USAGE, "contradicts itself"},
        {"{\"allOf\":[{\"type\":\"string\"},{\"type\":\"null\"}]}", MN_E_USAGE,
         "contradicts itself"},
        {"{\"required\":[\"a\"],\"additionalProperties\":false}", MN_E_USAGE,
         "contradicts itself"},
        {"false", MN_E_USAGE, "contradicts itself"},
        {"{\"type\":\"string\",\"minLength\":2000000}", MN_E_LIMIT, "'minLength'"},
        {"{\"type\":\"string\",\"maxLength\":-1}", MN_E_PARSE, "'maxLength'"},
        {"{\"enum\":[]}", MN_E_PARSE, "'enum'"},
        {"{\"minimum\":\"1\"}", MN_E_PARSE, "not a number"},
        {"{\"type\":\"number\",\"minimum\":1e999999999}", MN_E_LIMIT, "too many digits"},
        {"{\"anyOf\":{}}", MN_E_PARSE, "'anyOf'"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        mn_err e = {0};
        mn_grammar *g;
        mn_rc rc = compile(*state, cases[i].schema, &g, &e);
        if (rc != cases[i].rc || !strstr(e.msg, cases[i].says))
            fail_msg("%s: %s (%s)", cases[i].schema, rc == MN_OK ? "accepted" : e.msg,
                     mn_rc_name(rc));
    }
}

static void big_and_exponential_schemas_meet_a_limit(void **state)
{
    mn_buf b;
    mn_grammar *g;
    mn_buf_init(&b, 0);
    for (int kind = 0; kind < 6; kind++) {
        mn_err e = {0};
        mn_buf_clear(&b);
        if (kind == 0) { /* 2^40 alternatives */
            mn_buf_addz(&b, "{\"allOf\":[");
            for (int i = 0; i < 40; i++)
                mn_buf_addf(&b, "%s{\"anyOf\":[{\"minLength\":%d},{\"maxLength\":%d}]}",
                            i ? "," : "", i, i + 50);
            mn_buf_addz(&b, "]}");
        } else if (kind == 1) { /* many values */
            mn_buf_addz(&b, "{\"enum\":[0");
            for (int i = 1; i < 30000; i++) mn_buf_addf(&b, ",%d", i * 7);
            mn_buf_addz(&b, "]}");
        } else if (kind == 2) { /* many properties */
            mn_buf_addz(&b, "{\"properties\":{\"x\":{}");
            for (int i = 1; i < 8000; i++) mn_buf_addf(&b, ",\"p%d\":{\"type\":\"null\"}", i);
            mn_buf_addz(&b, "}}");
        } else if (kind == 3) { /* patterns that must all hold */
            mn_buf_addz(&b, "{\"type\":\"string\",\"allOf\":[{}");
            for (int i = 1; i < 100; i++)
                mn_buf_addf(&b, ",{\"pattern\":\"(a|b)*%c(a|b){%d}\"}", 'a' + i % 2, 3 + i % 7);
            mn_buf_addz(&b, "]}");
        } else if (kind == 4) { /* too many bytes */
            mn_buf_addz(&b, "{\"const\":\"");
            for (int i = 0; i < 30000; i++) mn_buf_addz(&b, "0123456789");
            mn_buf_addz(&b, "\"}");
        } else { /* references that double */
            mn_buf_addz(&b, "{\"$defs\":{\"d0\":{\"type\":\"null\"}");
            for (int i = 1; i < 40; i++)
                mn_buf_addf(&b,
                            ",\"d%d\":{\"anyOf\":[{\"$ref\":\"#/$defs/d%d\"},{\"$ref\":\"#/"
                            "$defs/d%d\"}]}",
                            i, i - 1, i - 1);
            mn_buf_addz(&b, "},\"$ref\":\"#/$defs/d39\"}");
        }
        FAILS(MN_E_LIMIT, compile(*state, b.ptr, &g, &e));
    }
    mn_buf_release(&b);
}

static void without_memory_there_is_an_error_and_no_leak(void **state)
{
    room *r = *state;
    const char *schema = "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"array\","
                         "\"items\":{\"pattern\":\"^[a-c]{1,3}$\"},\"minItems\":2},"
                         "\"b\":{\"enum\":[1,22]}},\"required\":[\"a\",\"b\"]}";
    bool done = false;
    for (long n = 1; !done; n++) {
        mn_err e = {0};
        mn_grammar *g = NULL;
        mn_constraint *c = NULL, *d = NULL;
        const uint64_t *mask;
        mn_mem_fail_after(n);
        mn_rc rc = compile(r, schema, &g, &e);
        if (rc == MN_OK) rc = mn_constraint_new(g, &c, &e);
        for (int i = 0; rc == MN_OK && i < 12; i++) {
            rc = mn_constraint_mask(c, &mask, &e);
            uint32_t id = 0, V = mn_tok_vocab(r->tok);
            while (rc == MN_OK && id + 1 < V && !(mask[id / 64] >> id % 64 & 1)) id++;
            if (rc == MN_OK) rc = mn_constraint_take(c, id, &e);
        }
        if (rc == MN_OK) rc = mn_constraint_copy(c, &d, &e);
        mn_mem_fail_after(0);
        done = rc == MN_OK;
        if (!done && rc != MN_E_NOMEM && rc != MN_E_LIMIT)
            fail_msg("%s (%s)", e.msg, mn_rc_name(rc));
        mn_constraint_free(c);
        mn_constraint_free(d);
        mn_grammar_unref(g);
        OK(n < 5000);
    }
}

typedef struct worker {
    pthread_t thread;
    mn_grammar *g;
    uint32_t words;
    uint64_t sum; /* of all masks on the way */
} worker;

/* The same way for everybody: always the token that a fixed rule takes from the mask. */
static void *go_a_fixed_way(void *arg)
{
    worker *w = arg;
    mn_err e = {0};
    for (int k = 0; k < 20; k++) {
        mn_constraint *c;
        const uint64_t *mask;
        if (mn_constraint_new(w->g, &c, &e) != MN_OK) return NULL;
        for (int i = 0; i < 60; i++) {
            uint32_t id = UINT32_MAX, n = 0;
            if (mn_constraint_mask(c, &mask, &e) != MN_OK) break;
            for (uint32_t word = 0; word < w->words; word++) {
                w->sum = w->sum * 31 + mask[word];
                for (uint64_t bits = mask[word]; bits; bits &= bits - 1, n++) {
                    if (n % 7 == (uint32_t)i % 7)
                        id = word * 64 + (uint32_t)__builtin_ctzll(bits);
                }
            }
            if (id == UINT32_MAX || mn_constraint_take(c, id, &e) != MN_OK) break;
        }
        mn_constraint_free(c);
    }
    return NULL;
}

static void threads_share_a_grammar_and_what_it_has_worked_out(void **state)
{
    room *r = *state;
    mn_err e = {0};
    worker w[4];
    mn_grammar *g;
    RUN(compile(r,
                "{\"type\":\"array\",\"items\":{\"anyOf\":[{\"type\":\"string\",\"maxLength\":"
                "9},{\"type\":\"object\"},{\"type\":\"number\"}]}}",
                &g, &e));
    for (int i = 0; i < 4; i++) {
        w[i] = (worker){.g = g, .words = (mn_tok_vocab(r->tok) + 63) / 64};
        OK(pthread_create(&w[i].thread, NULL, go_a_fixed_way, &w[i]) == 0);
    }
    for (int i = 0; i < 4; i++) pthread_join(w[i].thread, NULL);
    for (int i = 1; i < 4; i++) OK(w[i].sum == w[0].sum && w[i].sum != 0);
    mn_grammar_unref(g);
}

static void special_tokens_are_never_allowed(void **state)
{
    room *r = *state;
    mn_err e = {0};
    mn_grammar *g;
    mn_constraint *c;
    const uint64_t *mask;
    RUN(mn_grammar_json(r->trie, &g, &e));
    RUN(mn_constraint_new(g, &c, &e));
    RUN(mn_constraint_mask(c, &mask, &e));
    for (uint32_t id = 0; id < MN_TOK_SPECIALS; id++) OK(!(mask[id / 64] >> id % 64 & 1));
    mn_constraint_free(c);
    const char *named = "{\"<|end|>\": [1, {\"x\": null}]}"; /* text, not the token */
    OK(accepts(r, g, "{}", 2) && accepts(r, g, named, strlen(named)));
    OK(!accepts(r, g, "[]", 2) && !accepts(r, g, "1", 1));
    mn_grammar_unref(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(whatever_is_drawn_under_the_mask_suits_the_schema),
        TEST(patterns_mean_what_ecma_says),
        TEST(strings_count_characters_and_stay_utf8),
        TEST(numbers_keep_to_their_bounds),
        TEST(objects_are_written_in_order_and_no_name_twice),
        TEST(a_choice_is_one_of_its_strings),
        TEST(recursion_without_bounds_comes_to_an_end),
        TEST(what_cannot_end_is_left_out_or_refused),
        TEST(schemas_that_are_not_understood_are_refused_by_name),
        TEST(big_and_exponential_schemas_meet_a_limit),
        TEST(without_memory_there_is_an_error_and_no_leak),
        TEST(threads_share_a_grammar_and_what_it_has_worked_out),
        TEST(special_tokens_are_never_allowed),
    };
    setlocale(LC_CTYPE, "C.UTF-8"); /* for regexec */
    return cmocka_run_group_tests(tests, open_room, close_room);
}
