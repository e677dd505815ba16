/* Files given out: what is named by a row, as the type its bytes are, in whole or in ranges; and the sweeps that let go of what
 * nothing names. */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/mastodon/media.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"

#define RANGE_MAX     ((uint64_t)4 << 20) /* of one answer: a player asks for the next */
#define LOOSE_MS      INT64_C(86400000)
#define CARD_MS       INT64_C(3600000)
#define SWEEP_ROWS    500
#define SWEEP_CARDS   5000
#define SWEEP_FOLDERS 6 /* a minute: all 256 in 43 */

/* ---- serving ------------------------------------------------------------------------------------------------------------ */

static void common_headers(mn_resp *w, const char *mime)
{
    mn_resp_type(w, mime);
    mn_resp_header(w, "Cache-Control", MN_STR("public, max-age=31536000, immutable"));
    mn_resp_header(w, "Content-Security-Policy", MN_STR("default-src 'none'; sandbox"));
    mn_resp_header(w, "X-Content-Type-Options", MN_STR("nosniff"));
    mn_resp_header(w, "Cross-Origin-Resource-Policy", MN_STR("cross-origin"));
    mn_resp_header(w, "Access-Control-Allow-Origin", MN_STR("*"));
    mn_resp_header(w, "Accept-Ranges", MN_STR("bytes"));
}

/* "SHA256.EXT" or "SHA256"; false when it is not of that form. */
static bool read_name(mn_str name, uint8_t sha[32])
{
    mn_str ext, hex = mn_str_split(name, '.', &ext);
    for (size_t i = 0; i < hex.len; i++)
        if (hex.ptr[i] >= 'A' && hex.ptr[i] <= 'F') return false; /* one address a file */
    return hex.len == 64 && mn_unhex(hex, sha, 32) == MN_OK;
}

/* One range, "bytes=a-b", "bytes=a-" or "bytes=-n": 1 it is [*from, *to), 0 none that we read (the whole), -1 outside. */
static int read_range(mn_str header, uint64_t size, uint64_t *from, uint64_t *to)
{
    mn_str last, first;
    uint64_t a = 0, b = 0;
    if (!header.ptr || !mn_str_starts(header, "bytes=") || memchr(header.ptr, ',', header.len))
        return 0;
    first = mn_str_split(mn_str_sub(header, 6, header.len), '-', &last);
    if (!last.ptr || (!first.len && !last.len)) return 0;
    if ((first.len && mn_str_to_u64(first, &a) != MN_OK) ||
        (last.len && mn_str_to_u64(last, &b) != MN_OK))
        return 0;
    if (!first.len) {
        if (b == 0) return -1;
        a = b < size ? size - b : 0;
        b = size;
    } else {
        if (last.len && b < a) return 0;
        b = last.len && b < size ? b + 1 : size;
    }
    if (a >= size) return -1;
    *from = a;
    *to = b - a > RANGE_MAX ? a + RANGE_MAX : b;
    return 1;
}

static bool read_part(int fd, uint64_t from, uint64_t to, mn_buf *b)
{
    size_t n = (size_t)(to - from);
    if (mn_buf_reserve(b, n) != MN_OK) return false;
    for (size_t got = 0; got < n;) {
        ssize_t k = pread(fd, b->ptr + b->len, n - got, (off_t)(from + got));
        if (k <= 0) return false;
        b->len += (size_t)k;
        got += (size_t)k;
    }
    b->ptr[b->len] = '\0';
    return true;
}

static void send_part(mn_req *r, mn_resp *w, int fd, uint64_t size)
{
    uint64_t from = 0, to = size;
    int ranged = read_range(mn_req_header(r, "Range"), size, &from, &to);
    if (ranged) {
        mn_str said =
            ranged > 0 ? mn_str_fmt(r->arena, "bytes %llu-%llu/%llu", (unsigned long long)from,
                                    (unsigned long long)to - 1, (unsigned long long)size)
                       : mn_str_fmt(r->arena, "bytes */%llu", (unsigned long long)size);
        mn_resp_status(w, ranged > 0 ? 206 : 416);
        mn_resp_header(w, "Content-Range", said);
        if (ranged < 0) return;
    }
    if (!read_part(fd, from, to, mn_resp_body(w)))
        mn_resp_error(r, w, 500, "the file could not be read");
}

static void send_file(mn_req *r, mn_resp *w, int fd, const uint8_t sha[32])
{
    char head[64] = "", hex[MN_HEX256];
    struct stat st;
    ssize_t n = pread(fd, head, sizeof head, 0);
    const mn_media_type *t = n > 0 ? mn_media_sniff((mn_str){head, (size_t)n}) : NULL;
    if (fstat(fd, &st) != 0 || !t) {
        mn_resp_error(r, w, 404, "there is no such file");
        return;
    }
    mn_str tag = mn_str_fmt(r->arena, "\"%.32s\"", mn_hex(sha, 32, hex));
    common_headers(w, t->mime);
    mn_resp_header(w, "ETag", tag);
    if (mn_str_find(mn_req_header(r, "If-None-Match"), tag, 0) != SIZE_MAX)
        mn_resp_status(w, 304);
    else send_part(r, w, fd, (uint64_t)st.st_size);
}

void mn_masto__media_file(mn_req *r, mn_resp *w)
{
    mn_api *a = r->app;
    mn_err e = {0};
    uint8_t sha[32];
    char path[MN_FILES_PATH_MAX];
    bool used = false;
    const char *dir = mn_media_dir(a, r->arena);
    /* A file whose post is gone is gone, though the sweep has not come by yet. */
    mn_rc rc = dir && read_name(mn_req_param(r, "file"), sha) ? MN_OK : MN_E_NOT_FOUND;
    if (rc == MN_OK) rc = mn_store_file_used(a->home->store, sha, &used, &e);
    if (rc == MN_OK && used) rc = mn_files_path(dir, sha, path, &e);
    int fd = rc == MN_OK && used ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (rc != MN_OK && rc != MN_E_NOT_FOUND) mn_api__failed(r, w, &e);
    else if (fd < 0) mn_resp_error(r, w, 404, "there is no such file");
    else send_file(r, w, fd, sha);
    if (fd >= 0) close(fd);
}

/* ---- the pictures of those who have none ------------------------------------------------------------------------------- */

static mn_buf missing[2]; /* drawn once */
static pthread_once_t drawn = PTHREAD_ONCE_INIT;

static void draw(void)
{
    mn_err e = {0};
    for (int i = 0; i < 2; i++) {
        mn_buf_init(&missing[i], 0);
        if (mn_media_placeholder(i ? MN_PIC_HEADER : MN_PIC_AVATAR, &missing[i], &e) != MN_OK)
            mn_error("media", "%s", e.msg);
    }
}

static void send_missing(mn_req *r, mn_resp *w, int which)
{
    (void)r;
    pthread_once(&drawn, draw);
    common_headers(w, "image/png");
    mn_resp_static(w, mn_buf_str(&missing[which]), MN_STR_NONE);
}

void mn_masto__missing_avatar(mn_req *r, mn_resp *w)
{
    send_missing(r, w, 0);
}

void mn_masto__missing_header(mn_req *r, mn_resp *w)
{
    send_missing(r, w, 1);
}

/* ---- sweeps -------------------------------------------------------------------------------------------------------------- */

/* What a post showed goes with it: a card that no post shows any more, an hour after it was fetched. */
mn_rc mn_media_sweep_rows(mn_api *a, mn_arena *ar, mn_err *e)
{
    static _Atomic uint64_t next;
    mn_tx *tx;
    uint64_t removed = 0, cursor = next;
    (void)ar;
    MN_TRY(mn_store_begin(a->home->store, &tx, e));
    mn_rc rc = mn_store_media_sweep(tx, mn_now_ms() - LOOSE_MS, SWEEP_ROWS, &removed, e);
    if (rc == MN_OK)
        rc = mn_store_cards_sweep(tx, mn_now_ms() - CARD_MS, SWEEP_CARDS, &cursor, &removed, e);
    if (rc == MN_OK) next = cursor;
    return mn_store_end(tx, rc, e);
}

static mn_rc is_used(void *arg, const uint8_t sha[32], bool *ret, mn_err *e)
{
    return mn_store_file_used(arg, sha, ret, e);
}

mn_rc mn_media_sweep_files(mn_api *a, mn_arena *ar, mn_err *e)
{
    static _Atomic unsigned next;
    const char *dir = mn_media_dir(a, ar);
    if (!dir) return mn_fail(e, MN_E_NOMEM, "no memory for the media folder's path");
    for (int i = 0; i < SWEEP_FOLDERS; i++) {
        uint64_t removed = 0;
        MN_TRY(mn_files_sweep(dir, (int)(next++ & 0xff), is_used, a->home->store, &removed, e));
    }
    return MN_OK;
}
