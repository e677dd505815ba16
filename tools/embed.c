/* Writes built-in files as C: embed FILE… > assets.inc, read by src/api/assets.c. Each gets a name with a hash of its content
 * and a gzip form; a chunk of the web app ("chunk-IV6AAXAD.js") is known under that name by the others and keeps it. */
#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

static unsigned char *read_all(const char *path, size_t *ret_n)
{
    FILE *f = fopen(path, "rb");
    if (!f || fseek(f, 0, SEEK_END) != 0) {
        perror(path);
        exit(1);
    }
    long n = ftell(f);
    rewind(f);
    unsigned char *p = malloc((size_t)n + 1);
    if (!p || fread(p, 1, (size_t)n, f) != (size_t)n) {
        fprintf(stderr, "embed: cannot read %s\n", path);
        exit(1);
    }
    fclose(f);
    *ret_n = (size_t)n;
    return p;
}

static size_t gzip(const unsigned char *in, size_t n, unsigned char **ret)
{
    z_stream z = {0};
    deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY);
    size_t cap = deflateBound(&z, n);
    *ret = malloc(cap);
    z.next_in = (unsigned char *)(uintptr_t)in, z.avail_in = (uInt)n;
    z.next_out = *ret, z.avail_out = (uInt)cap;
    deflate(&z, Z_FINISH);
    deflateEnd(&z);
    return cap - z.avail_out;
}

static void bytes(const char *kind, int i, const unsigned char *p, size_t n)
{
    printf("static const unsigned char %s%d[] = {", kind, i);
    for (size_t k = 0; k < n; k++) printf("%s%u,", k % 32 ? "" : "\n", p[k]);
    puts("0};");
}

/* FNV-1a: a change of content changes the name; nobody gains by making two files collide. */
static uint32_t fingerprint(const unsigned char *p, size_t n)
{
    uint32_t h = 2166136261u;
    for (size_t i = 0; i < n; i++) h = (h ^ p[i]) * 16777619u;
    return h;
}

static const char *type_of(const char *name)
{
    const char *dot = strrchr(name, '.');
    if (dot && strcmp(dot, ".js") == 0) return "text/javascript; charset=utf-8";
    if (dot && strcmp(dot, ".css") == 0) return "text/css; charset=utf-8";
    if (dot && strcmp(dot, ".svg") == 0) return "image/svg+xml";
    if (dot && strcmp(dot, ".json") == 0) return "application/json";
    return "application/octet-stream";
}

/* "name-XXXXXXXX.js" with 8 upper-case letters or digits, as the bundler writes them. */
static int has_hash(const char *name)
{
    const char *dash = strrchr(name, '-');
    if (!dash || strlen(dash) < 10 || dash[9] != '.') return 0;
    for (int i = 1; i <= 8; i++)
        if (!isupper((unsigned char)dash[i]) && !isdigit((unsigned char)dash[i])) return 0;
    return 1;
}

static void hashed_name(const char *base, uint32_t hash, char *ret, size_t cap)
{
    const char *dot = strrchr(base, '.');
    int stem = dot ? (int)(dot - base) : (int)strlen(base);
    if (has_hash(base)) snprintf(ret, cap, "%s", base);
    else snprintf(ret, cap, "%.*s-%08x%s", stem, base, hash, dot ? dot : "");
}

int main(int argc, char **argv)
{
    static char table[1 << 16], urls[1 << 15];
    size_t t = 0, u = 0;
    puts("/* Made by tools/embed.c. */");
    for (int i = 1; i < argc; i++) {
        size_t n;
        unsigned char *body = read_all(argv[i], &n), *packed;
        size_t k = gzip(body, n, &packed);
        const char *slash = strrchr(argv[i], '/'), *base = slash ? slash + 1 : argv[i];
        char name[256];
        hashed_name(base, fingerprint(body, n), name, sizeof name);
        bytes("asset_body_", i, body, n);
        if (k < n) bytes("asset_gzip_", i, packed, k);
        t += (size_t)snprintf(
            table + t, sizeof table - t,
            "    {\"%s\", \"%s\", \"%s\", {(const char *)asset_body_%d, %zu}, ", base, name,
            type_of(base), i, n);
        if (k < n)
            t += (size_t)snprintf(table + t, sizeof table - t,
                                  "{(const char *)asset_gzip_%d, %zu}},\n", i, k);
        else t += (size_t)snprintf(table + t, sizeof table - t, "{NULL, 0}},\n");
        u += (size_t)snprintf(urls + u, sizeof urls - u, "    \"/assets/%s\",\n", name);
        if (t >= sizeof table - 1024 || u >= sizeof urls - 1024) {
            fprintf(stderr, "embed: too many files\n");
            return 1;
        }
        free(body);
        free(packed);
    }
    printf("static const mn_asset assets[] = {\n%s    {NULL, NULL, NULL, {NULL, 0}, {NULL, "
           "0}},\n};\n",
           table);
    printf("static const char *const urls[] = {\n%s    NULL,\n};\n", urls);
    return 0;
}
