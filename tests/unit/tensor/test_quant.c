/* Formats of weights: against the values that the `gguf` package gives (tools/golden/quant.py), and against themselves. */
#include "test.h"

#include <math.h>

#include "tensor/quant.h"

#define FOLDER "tests/data/quant/"

static mn_err e;

static void slurp(const char *name, mn_buf *ret)
{
    mn_buf_init(ret, 1u << 20);
    RUN(mn_fs_read(name, 1u << 20, ret, &e));
}

static uint32_t u32_at(const char *p)
{
    uint32_t v;
    memcpy(&v, p, 4);
    return v;
}

static void every_format_reads_as_the_reference_does(void **state)
{
    (void)state;
    mn_buf b;
    float y[2048];
    uint8_t blocks[8192];
    size_t n_formats = 0;
    slurp(FOLDER "dequant.bin", &b);
    for (size_t at = 0; at < b.len; n_formats++) {
        const mn_qformat *f = mn_qformat_of(u32_at(b.ptr + at));
        uint32_t n = u32_at(b.ptr + at + 4);
        OK(f && n <= 2048);
        size_t bytes = mn_qformat_row_bytes(f, n);
        memcpy(blocks + 1, b.ptr + at + 8, bytes); /* at an odd address */
        mn_dequant(f->type, blocks + 1, y, n);
        const char *want = b.ptr + at + 8 + bytes;
        for (uint32_t i = 0; i < n; i++) {
            float w;
            memcpy(&w, want + 4 * i, 4);
            if (!(isnan(w) && isnan(y[i])) && memcmp(&w, &y[i], 4) != 0)
                fail_msg("%s value %u: %a, expected %a", f->name, i, (double)y[i], (double)w);
        }
        at += 8 + bytes + 4 * n;
    }
    OK(n_formats == 11 && mn_qformat_at(10) && !mn_qformat_at(11));
    mn_buf_release(&b);
}

static double error_of(const mn_qformat *f, const float *x, size_t n)
{
    static uint8_t blocks[1 << 16];
    static float y[8192];
    OK(n <= 8192);
    mn_quant(f->type, x, blocks, n);
    mn_dequant(f->type, blocks, y, n);
    double ss = 0;
    for (size_t i = 0; i < n; i++)
        ss += ((double)y[i] - (double)x[i]) * ((double)y[i] - (double)x[i]);
    return sqrt(ss / (double)n);
}

/* errors.txt: "12 q4_k - 0.0068", of gguf-py and of llama.cpp for values.bin. */
static void writing_loses_no_more_than_the_references_do(void **state)
{
    (void)state;
    mn_buf x, text;
    size_t n_lines = 0;
    slurp(FOLDER "values.bin", &x);
    slurp(FOLDER "errors.txt", &text);
    mn_str rest = mn_buf_str(&text);
    while (rest.ptr && rest.len) {
        mn_str line = mn_str_split(rest, '\n', &rest), words = line;
        if (mn_str_starts(line, "#") || !line.len) continue;
        uint64_t type;
        double bound;
        RUN(mn_str_to_u64(mn_str_split(words, ' ', &words), &type));
        const mn_qformat *f = mn_qformat_of((uint32_t)type);
        mn_str name = mn_str_split(words, ' ', &words);
        OK(f && mn_str_eqz(name, f->name) && mn_qformat_named(name) == f);
        double got = error_of(f, (const float *)(const void *)x.ptr, x.len / 4);
        while (words.ptr) {
            mn_str number = mn_str_split(words, ' ', &words);
            if (mn_str_eqz(number, "-")) continue;
            RUN(mn_str_to_f64(number, &bound));
            if (got > bound * 1.0001) fail_msg("%s: %g, the reference %g", f->name, got, bound);
        }
        n_lines++;
    }
    OK(n_lines == 10);
    mn_buf_release(&x);
    mn_buf_release(&text);
}

static void halves_round_to_nearest_and_come_back(void **state)
{
    (void)state;
    for (uint32_t h = 0; h < 65536; h++) {
        float f = mn_f16_to_f32((uint16_t)h), b = mn_bf16_to_f32((uint16_t)h);
        if (!isnan(f)) OK(mn_f32_to_f16(f) == h);
        else OK((mn_f32_to_f16(f) & 0x7e00) == 0x7e00);
        if (!isnan(b)) OK(mn_f32_to_bf16(b) == h);
        else OK(isnan(mn_bf16_to_f32(mn_f32_to_bf16(b))));
        if ((h & 0x7fff) >= 0x7bff || h >= 0x8000) continue;
        /* half way between two neighbours goes to the even one, a little more or less to its side */
        float next = mn_f16_to_f32((uint16_t)(h + 1)), mid = (f + next) / 2;
        OK(mn_f32_to_f16(mid) == (h & 1 ? h + 1 : h));
        OK(mn_f32_to_f16(nextafterf(mid, 0)) == h);
        OK(mn_f32_to_f16(nextafterf(mid, INFINITY)) == h + 1);
    }
    OK(mn_f32_to_f16(65519.99f) == 0x7bff && mn_f32_to_f16(65520) == 0x7c00);
    OK(mn_f32_to_f16(-1e30f) == 0xfc00 && mn_f32_to_f16(1e-30f) == 0 &&
       mn_f32_to_f16(-0.0f) == 0x8000);
    OK(mn_f32_to_bf16(1.00390625f) == 0x3f80 && mn_f32_to_bf16(3.4e38f) == 0x7f80);
}

/* What a block stands for is written again as itself, or as near as a half's rounding leaves it. */
static void what_was_quantised_is_kept_when_it_is_quantised_again(void **state)
{
    (void)state;
    mn_buf x;
    static uint8_t blocks[1 << 16];
    static float y[8192];
    slurp(FOLDER "values.bin", &x);
    size_t n = x.len / 4;
    const mn_qformat *f;
    for (size_t i = 0; (f = mn_qformat_at(i)); i++) {
        double first = error_of(f, (const float *)(const void *)x.ptr, n);
        mn_quant(f->type, (const float *)(const void *)x.ptr, blocks, n);
        mn_dequant(f->type, blocks, y, n);
        double again = error_of(f, y, n);
        if (again > first / 8) fail_msg("%s: %g, first %g", f->name, again, first);
    }
    mn_buf_release(&x);
}

static void
impossible_values_are_taken_as_nothing_by_blocks_and_kept_by_plain_formats(void **state)
{
    (void)state;
    float x[256], y[256];
    uint8_t blocks[1024];
    const mn_qformat *f;
    for (int i = 0; i < 256; i++)
        x[i] = i % 5 == 0 ? NAN : i % 7 == 0 ? INFINITY : i % 11 == 0 ? -INFINITY : 1;
    for (size_t i = 0; (f = mn_qformat_at(i)); i++) {
        mn_quant(f->type, x, blocks, 256);
        mn_dequant(f->type, blocks, y, 256);
        for (int k = 0; k < 256; k++) {
            if (f->block == 1) OK(isnan(x[k]) ? isnan(y[k]) : x[k] == y[k]);
            else OK(fabsf(y[k] - (isfinite(x[k]) ? 1.0f : 0.0f)) < 0.1f);
        }
    }
}

static void values_of_any_size_give_finite_weights(void **state)
{
    (void)state;
    static const float sizes[] = {0, 1e-45f, 1e-38f, 1e-20f, 1e-7f, 1e-4f,
                                  1, 65504,  1e6f,   1e9f,   1e20f, 3e38f};
    float x[256], y[256];
    uint8_t blocks[1024];
    const mn_qformat *f;
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        for (int k = 0; k < 256; k++) x[k] = sizes[s] * (float)(k % 17 - 8) / 8;
        for (size_t i = 0; (f = mn_qformat_at(i)); i++) {
            if (f->block == 1) continue;
            mn_quant(f->type, x, blocks, 256);
            mn_dequant(f->type, blocks, y, 256);
            for (int k = 0; k < 256; k++) {
                OK(isfinite(y[k]));
                if (sizes[s] <= 65504 && !(fabsf(y[k] - x[k]) <= sizes[s] * 0.15f + 1e-6f))
                    fail_msg("%s, %g: %g is %g", f->name, (double)sizes[s], (double)x[k],
                             (double)y[k]);
            }
        }
    }
}

static void formats_are_found_by_number_and_by_name(void **state)
{
    (void)state;
    const mn_qformat *f = mn_qformat_named(MN_STR("Q4_K"));
    OK(f && f->type == MN_Q_Q4_K && f->block == 256 && f->bytes == 144);
    OK(mn_qformat_of(30) == mn_qformat_named(MN_STR("bf16")));
    OK(!mn_qformat_of(4) && !mn_qformat_of(31) && !mn_qformat_of(UINT32_MAX));
    OK(!mn_qformat_named(MN_STR("")) && !mn_qformat_named(MN_STR("q4_k_m")));
    OK(mn_qformat_row_bytes(f, 512) == 288);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_format_reads_as_the_reference_does),
        TEST(writing_loses_no_more_than_the_references_do),
        TEST(halves_round_to_nearest_and_come_back),
        TEST(what_was_quantised_is_kept_when_it_is_quantised_again),
        TEST(impossible_values_are_taken_as_nothing_by_blocks_and_kept_by_plain_formats),
        TEST(values_of_any_size_give_finite_weights),
        TEST(formats_are_found_by_number_and_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
