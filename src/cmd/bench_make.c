/* What benches make for themselves: posts out of a counter-based generator, and folders to work in.
 *
 * Words are syllables. Which word stands where follows a power law, so a few are everywhere and most are rare, as in people's
 * posts; about one post in four has a mention, a hashtag, an address or a character beyond ASCII. Every post is a pure
 * function of its number, so a file of n posts is the same bytes everywhere, and begins like any longer one. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/snowflake.h"
#include "cmd/bench.h"

enum { WORDS = 40000, AUTHORS = 2000 };
#define FIRST_MS INT64_C(1600000000000)
#define STEP_MS  INT64_C(100)

static uint64_t draw(uint64_t post, uint64_t k, uint64_t below)
{
    return mn_rand_at(7, post, k) % below;
}

static void add_word(uint64_t rank, mn_buf *ret)
{
    static const char onset[] = "tnsrlkdmbpgv", vowel[] = "aeiou";
    do {
        mn_buf_addc(ret, onset[rank % 12]);
        mn_buf_addc(ret, vowel[rank / 12 % 5]);
        rank /= 60;
    } while (rank);
}

/* The cube of an even draw: half of all words are among the first eighth of the ranks. */
static uint64_t word_rank(uint64_t post, uint64_t k)
{
    double u = mn_rand_unit(mn_rand_at(8, post, k));
    return (uint64_t)(u * u * u * WORDS);
}

static void add_extra(uint64_t post, mn_buf *ret)
{
    switch (draw(post, 1, 16)) {
    case 0:
        mn_buf_addf(ret, " @author%u", (unsigned)draw(post, 2, AUTHORS));
        break;
    case 1:
        mn_buf_addz(ret, " #");
        add_word(60 + draw(post, 2, 500), ret);
        break;
    case 2:
        mn_buf_addf(ret, " https://example.org/%u", (unsigned)draw(post, 2, 1u << 20));
        break;
    case 3:
        mn_buf_addz(ret, " caf\xc3\xa9 \xf0\x9f\x90\xa6");
        break;
    default:
        break;
    }
}

void mn_bench_text_of(uint64_t i, mn_buf *ret)
{
    uint64_t words = 6 + draw(i, 0, 18), sentence = 4 + draw(i, 3, 8);
    for (uint64_t k = 0; k < words; k++) {
        if (k) mn_buf_addz(ret, k % sentence ? " " : ". ");
        add_word(word_rank(i, k), ret);
    }
    mn_buf_addc(ret, '.');
    add_extra(i, ret);
}

int64_t mn_bench_time_of(uint64_t i)
{
    return FIRST_MS + STEP_MS * (int64_t)i;
}

uint64_t mn_bench_id_of(uint64_t i)
{
    return mn_snowflake_at(mn_bench_time_of(i), i);
}

/* One post in eight replies to one of the hundred before it. */
uint64_t mn_bench_parent_of(uint64_t i)
{
    if (i < 100 || draw(i, 4, 8)) return 0;
    return mn_bench_id_of(i - 1 - draw(i, 5, 100));
}

static void add_line(uint64_t i, mn_buf *ret)
{
    char at[MN_TIME_MAX];
    mn_buf_addf(
        ret, "{\"id\":\"%llu\",\"created_at\":\"%s\",\"author\":\"author%u\",\"lang\":\"en\",",
        (unsigned long long)mn_bench_id_of(i), mn_time_format(mn_bench_time_of(i), at),
        (unsigned)draw(i, 6, AUTHORS));
    if (mn_bench_parent_of(i))
        mn_buf_addf(ret, "\"in_reply_to\":\"%llu\",",
                    (unsigned long long)mn_bench_parent_of(i));
    mn_buf_addz(ret, "\"text\":\"");
    mn_bench_text_of(i, ret);
    mn_buf_addz(ret, "\"}\n");
}

mn_rc mn_bench_write_jsonl(const char *path, uint64_t from, uint64_t n, double *ret_mb,
                           mn_err *e)
{
    mn_buf b;
    double bytes = 0;
    FILE *f = fopen(path, "wbe");
    if (!f) return mn_fail_errno(e, MN_E_IO, "cannot write '%s'", path);
    mn_buf_init(&b, 0);
    bool good = true;
    for (uint64_t i = from; i < from + n && good; i++) {
        mn_buf_clear(&b);
        add_line(i, &b);
        bytes += (double)b.len;
        good = b.failed == MN_OK && fwrite(b.ptr, 1, b.len, f) == b.len;
    }
    mn_buf_release(&b);
    if (fclose(f) != 0 || !good) return mn_fail_errno(e, MN_E_IO, "cannot write '%s'", path);
    *ret_mb = bytes / 1e6;
    return MN_OK;
}

mn_rc mn_bench_tmp(char ret[64], mn_err *e)
{
    snprintf(ret, 64, "/tmp/mynah-bench-XXXXXX");
    if (mkdtemp(ret)) return MN_OK;
    ret[0] = 0;
    return mn_fail_errno(e, MN_E_IO, "cannot make a folder in /tmp");
}
