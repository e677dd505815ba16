/* Settings: see conf.h. A line is `key = value`; a value in quotes knows \" \\ \n and \t, a bare one ends at the line's
 * end or at " #". Values are kept as text beside their keys and read as numbers when asked. */
#include "base/conf.h"

#include "base/fs.h"

enum { FILE_MAX = 1 << 20 };

struct mn_conf {
    const mn_conf_key *keys;
    char *path; /* for messages */
    mn_arena arena;
    const char **values; /* by key; NULL: the default */
};

/* The line being read, for messages. */
typedef struct place {
    const char *path;
    int line;
    mn_err *e;
} place;

static int find_key(const mn_conf_key *keys, mn_str name)
{
    for (int i = 0; keys[i].name; i++)
        if (mn_str_eqz(name, keys[i].name)) return i;
    return -1;
}

static const char *nearest(const mn_conf_key *keys, mn_str name)
{
    const char *best = NULL;
    size_t least = SIZE_MAX;
    for (int i = 0; keys[i].name; i++) {
        size_t d = mn_str_distance(name, mn_str_from(keys[i].name));
        if (d < least) least = d, best = keys[i].name;
    }
    return best;
}

static mn_rc unknown_key(const mn_conf_key *keys, mn_str name, place at)
{
    const char *near = nearest(keys, name);
    name = mn_utf8_cut(name, 80);
    if (!near)
        return mn_fail(at.e, MN_E_USAGE, "%s:%d: unknown key '%.*s'", at.path, at.line,
                       MN_STR_FMT(name));
    return mn_fail(at.e, MN_E_USAGE, "%s:%d: unknown key '%.*s'; the nearest one is '%s'",
                   at.path, at.line, MN_STR_FMT(name), near);
}

/* A quoted value; only white space or a comment may follow. out has room for all of s. */
static mn_rc quoted(mn_str s, char *out, place at)
{
    static const char names[] = "\"\\nt", values[] = "\"\\\n\t";
    size_t i = 1;
    for (; i < s.len && s.ptr[i] != '"'; i++) {
        char c = s.ptr[i];
        if (c == '\\') {
            const char *p = ++i < s.len && s.ptr[i] ? strchr(names, s.ptr[i]) : NULL;
            if (!p)
                return mn_fail(at.e, MN_E_PARSE,
                               "%s:%d: unknown escape in quotes; use \\\\ for \\", at.path,
                               at.line);
            c = values[p - names];
        }
        *out++ = c;
    }
    *out = '\0';
    if (i >= s.len)
        return mn_fail(at.e, MN_E_PARSE, "%s:%d: the quotes are not closed", at.path, at.line);
    mn_str rest = mn_str_trim(mn_str_sub(s, i + 1, SIZE_MAX));
    if (rest.len && rest.ptr[0] != '#')
        return mn_fail(at.e, MN_E_PARSE, "%s:%d: text after the closing quotes", at.path,
                       at.line);
    return MN_OK;
}

static mn_str without_comment(mn_str s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.ptr[i] == '#' && (i == 0 || s.ptr[i - 1] == ' ' || s.ptr[i - 1] == '\t'))
            return mn_str_trim(mn_str_sub(s, 0, i));
    return s;
}

static mn_rc read_line(mn_conf *c, mn_str line, place at)
{
    line = mn_str_trim(line);
    if (line.len == 0 || line.ptr[0] == '#') return MN_OK;
    mn_str value, name = mn_str_trim(mn_str_split(line, '=', &value));
    if (!value.ptr)
        return mn_fail(at.e, MN_E_PARSE, "%s:%d: expected 'key = value'", at.path, at.line);
    int i = find_key(c->keys, name);
    if (i < 0) return unknown_key(c->keys, name, at);
    if (c->values[i])
        return mn_fail(at.e, MN_E_USAGE, "%s:%d: '%s' is set a second time", at.path, at.line,
                       c->keys[i].name);
    if (!mn_utf8_valid(line) || memchr(line.ptr, 0, line.len))
        return mn_fail(at.e, MN_E_PARSE, "%s:%d: the line is not UTF-8 text", at.path, at.line);
    value = mn_str_trim(value);
    char *out = mn_arena_alloc(&c->arena, value.len + 1);
    if (!out) return mn_fail(at.e, MN_E_NOMEM, "out of memory for settings");
    if (value.len && value.ptr[0] == '"') {
        MN_TRY(quoted(value, out, at));
    } else {
        value = without_comment(value);
        if (value.len) memcpy(out, value.ptr, value.len);
        out[value.len] = '\0';
    }
    c->values[i] = out;
    return MN_OK;
}

static mn_rc read_file(mn_conf *c, mn_err *e)
{
    mn_buf text;
    mn_err ignored = {0};
    mn_buf_init(&text, 0);
    mn_rc rc = mn_fs_read(c->path, FILE_MAX, &text, e ? e : &ignored);
    if (rc == MN_E_NOT_FOUND) {
        if (e) *e = (mn_err){0};
        rc = MN_OK;
    }
    mn_str line, rest = rc == MN_OK ? mn_buf_str(&text) : MN_STR_NONE;
    for (int n = 1; rest.ptr && rc == MN_OK; n++) {
        line = mn_str_split(rest, '\n', &rest);
        rc = read_line(c, line, (place){c->path, n, e});
    }
    mn_buf_release(&text);
    return rc;
}

mn_rc mn_conf_load(const char *path, const mn_conf_key *keys, mn_conf **ret, mn_err *e)
{
    size_t n = 0;
    while (keys[n].name) n++;
    mn_conf *c = mn_calloc(1, sizeof *c);
    if (!c) return mn_fail(e, MN_E_NOMEM, "out of memory for settings");
    c->keys = keys;
    mn_arena_init(&c->arena, 0);
    c->path = mn_strdup(path);
    c->values = mn_calloc(n, sizeof *c->values);
    mn_rc rc = c->path && c->values ? read_file(c, e)
                                    : mn_fail(e, MN_E_NOMEM, "out of memory for settings");
    if (rc == MN_OK) *ret = c;
    else mn_conf_free(c);
    return rc;
}

void mn_conf_free(mn_conf *c)
{
    if (!c) return;
    mn_arena_release(&c->arena);
    mn_free(c->values);
    mn_free(c->path);
    mn_free(c);
}

const char *mn_conf_get(const mn_conf *c, const char *key)
{
    int i = find_key(c->keys, mn_str_from(key));
    MN_ASSERT(i >= 0);
    return c->values[i] ? c->values[i] : c->keys[i].fallback;
}

mn_rc mn_conf_u64(const mn_conf *c, const char *key, uint64_t least, uint64_t most,
                  uint64_t *ret, mn_err *e)
{
    const char *text = mn_conf_get(c, key);
    uint64_t v;
    if (mn_str_to_u64(mn_str_from(text), &v) != MN_OK || v < least || v > most)
        return mn_fail(e, MN_E_USAGE,
                       "%s: '%s' is \"%.80s\", expected a whole number from %llu to %llu",
                       c->path, key, text, (unsigned long long)least, (unsigned long long)most);
    *ret = v;
    return MN_OK;
}

mn_rc mn_conf_bool(const mn_conf *c, const char *key, bool *ret, mn_err *e)
{
    static const char *const words[] = {"no", "yes", "false", "true", "off", "on", "0", "1"};
    const char *text = mn_conf_get(c, key);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (mn_str_eq_nocase(mn_str_from(text), mn_str_from(words[i]))) {
            *ret = i % 2;
            return MN_OK;
        }
    return mn_fail(e, MN_E_USAGE, "%s: '%s' is \"%.80s\", expected yes or no", c->path, key,
                   text);
}

/* ---- the default file ---------------------------------------------------------------------------------------- */

/* Whether the value must be in quotes to be read back. */
static bool needs_quotes(mn_str v)
{
    mn_str t = mn_str_trim(v);
    if (t.len != v.len) return true;
    for (size_t i = 0; i < v.len; i++)
        if (strchr("#\"\\\n", v.ptr[i])) return true;
    return false;
}

static void add_value(mn_buf *ret, mn_str v)
{
    if (!needs_quotes(v)) {
        mn_buf_adds(ret, v);
        return;
    }
    mn_buf_addc(ret, '"');
    for (size_t i = 0; i < v.len; i++) {
        char c = v.ptr[i];
        if (c == '"' || c == '\\' || c == '\n' || c == '\t') mn_buf_addc(ret, '\\');
        mn_buf_addc(ret, c == '\n' ? 'n' : c == '\t' ? 't' : c);
    }
    mn_buf_addc(ret, '"');
}

void mn_conf_template(const mn_conf_key *keys, mn_buf *ret)
{
    mn_buf_addz(ret,
                "# mynah.conf: the settings of this server, one `key = value` a line.\n"
                "# Every key stands here at its default; what begins with # is a comment.\n");
    for (const mn_conf_key *k = keys; k->name; k++) {
        mn_buf_addc(ret, '\n');
        for (mn_str line, rest = mn_str_from(k->help); rest.ptr;) {
            line = mn_str_split(rest, '\n', &rest);
            mn_buf_addf(ret, line.len ? "# %.*s\n" : "#%.*s\n", MN_STR_FMT(line));
        }
        mn_buf_addf(ret, *k->fallback ? "%s = " : "%s =", k->name);
        add_value(ret, mn_str_from(k->fallback));
        mn_buf_addc(ret, '\n');
    }
}
