/* Configurations and weight files: what is written is read back to the bit, and hostile files are refused before anything
 * is allocated for them. */
#include "test.h"

#include "base/mem.h"
#include "model/safetensors.h"
#include "model/weights.h"

static const mn_config small = {.V = 30,
                                .C = 6,
                                .L = 2,
                                .H = 2,
                                .KV = 1,
                                .D = 4,
                                .F = 5,
                                .T = 8,
                                .rope_theta = 10000,
                                .eps = 1e-5f,
                                .tied = true};

static void presets_have_the_sizes_they_promise(void **state)
{
    (void)state;
    mn_err e = {0};
    mn_config c;
    const struct {
        const char *name;
        uint64_t least, most;
    } want[] = {{"nano", 900000, 1200000},
                {"micro", 6000000, 7500000},
                {"small", 25000000, 35000000},
                {"base", 134000000, 135000000}};
    for (size_t i = 0; i < 4; i++) {
        RUN(mn_config_preset(want[i].name, &c, &e));
        RUN(mn_config_check(&c, &e));
        OK(mn_config_params(&c) >= want[i].least && mn_config_params(&c) <= want[i].most);
    }
    FAILS(MN_E_USAGE, mn_config_preset("giant", &c, &e));
    OK(strstr(e.msg, "nano") && strstr(e.msg, "base"));
}

static void a_configuration_is_read_back_as_written(void **state)
{
    (void)state;
    mn_err e = {0};
    mn_config c, d;
    RUN(mn_config_preset("base", &c, &e));
    mn_buf b;
    mn_buf_init(&b, 0);
    OK(mn_config_write(&c, &b) == MN_OK);
    RUN(mn_config_parse(mn_buf_str(&b), &d, &e));
    OK(d.V == c.V && d.C == c.C && d.L == c.L && d.H == c.H && d.KV == c.KV && d.D == c.D);
    OK(d.F == c.F && d.T == c.T && d.rope_theta == c.rope_theta && d.eps == c.eps && d.tied);
    mn_buf_release(&b);
}

#define HEAD                                                                                   \
    "\"model_type\":\"llama\",\"vocab_size\":100,\"hidden_size\":16,\"num_hidden_layers\":2,"  \
    "\"num_attention_heads\":4,\"intermediate_size\":32"

static mn_rc parse(const char *json, mn_config *c, mn_err *e)
{
    return mn_config_parse(mn_str_from(json), c, e);
}

static void what_a_configuration_leaves_out_has_the_defaults_of_llama(void **state)
{
    (void)state;
    mn_err e = {0};
    mn_config c;
    RUN(parse("{" HEAD "}", &c, &e));
    OK(c.KV == 4 && c.D == 4 && c.T == 2048 && c.rope_theta == 10000 && !c.tied);
    RUN(parse("{" HEAD ",\"rope_parameters\":{\"rope_type\":\"default\",\"rope_theta\":500}}",
              &c, &e));
    OK(c.rope_theta == 500);
}

#define LLAMA3                                                                                 \
    "\"factor\":32.0,\"high_freq_factor\":4.0,\"low_freq_factor\":1.0,"                        \
    "\"original_max_position_embeddings\":8192"

static void llama_3_s_positions_are_read_under_every_name_they_have_had(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "{" HEAD ",\"rope_theta\":500000,\"rope_scaling\":{\"rope_type\":\"llama3\"," LLAMA3
        "}}",
        "{" HEAD ",\"rope_theta\":500000,\"rope_scaling\":{\"type\":\"llama3\"," LLAMA3 "}}",
        "{" HEAD ",\"rope_parameters\":{\"rope_type\":\"llama3\",\"rope_theta\":500000," LLAMA3
        "}}",
    };
    mn_err e = {0};
    for (size_t i = 0; i < 3; i++) {
        mn_config c, again;
        mn_buf b;
        RUN(parse(texts[i], &c, &e));
        OK(c.rope_theta == 500000 && c.rope_factor == 32 && c.rope_low == 1 &&
           c.rope_high == 4);
        OK(c.rope_original == 8192);
        mn_buf_init(&b, 0);
        OK(mn_config_write(&c, &b) == MN_OK);
        RUN(mn_config_parse(mn_buf_str(&b), &again, &e));
        OK(memcmp(&c, &again, sizeof c) == 0);
        mn_buf_release(&b);
    }
}

static void positions_stretched_otherwise_are_refused(void **state)
{
    (void)state;
    static const struct {
        mn_rc code;
        const char *text;
    } cases[] = {
        {MN_E_UNSUPPORTED, "{" HEAD ",\"rope_scaling\":{\"type\":\"linear\",\"factor\":2}}"},
        {MN_E_UNSUPPORTED,
         "{" HEAD ",\"rope_parameters\":{\"rope_type\":\"yarn\",\"factor\":2}}"},
        {MN_E_LIMIT, "{" HEAD ",\"rope_scaling\":{\"rope_type\":\"llama3\",\"factor\":0,"
                     "\"original_max_position_embeddings\":8192}}"},
        {MN_E_LIMIT, "{" HEAD ",\"rope_scaling\":{\"rope_type\":\"llama3\",\"factor\":8,"
                     "\"low_freq_factor\":4,\"high_freq_factor\":4,"
                     "\"original_max_position_embeddings\":8192}}"},
        {MN_E_PARSE, "{" HEAD ",\"rope_scaling\":{\"rope_type\":\"llama3\",\"factor\":8}}"},
        {MN_E_UNSUPPORTED, "{" HEAD ",\"quantization_config\":{\"bits\":4}}"},
        {MN_E_UNSUPPORTED, "{" HEAD ",\"mlp_bias\":true}"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        mn_err e = {0};
        mn_config c;
        mn_rc rc = parse(cases[i].text, &c, &e);
        if (rc != cases[i].code) fail_msg("case %zu: %s (%s)", i, mn_rc_name(rc), e.msg);
    }
}

static void json_deeper_than_anything_needs_is_refused(void **state)
{
    (void)state;
    char deep[2001];
    mn_err e = {0};
    mn_config c;
    memset(deep, '[', 2000);
    deep[2000] = 0;
    FAILS(MN_E_LIMIT, parse(deep, &c, &e));
}

static void what_would_compute_something_else_is_refused_by_name(void **state)
{
    (void)state;
    mn_err e = {0};
    mn_config c;
    FAILS(MN_E_UNSUPPORTED, parse("{\"architectures\":[\"GPT2LMHeadModel\"]}", &c, &e));
    OK(strstr(e.msg, "GPT2LMHeadModel"));
    FAILS(MN_E_UNSUPPORTED, parse("{" HEAD ",\"rope_scaling\":{\"factor\":8}}", &c, &e));
    FAILS(MN_E_UNSUPPORTED, parse("{" HEAD ",\"attention_bias\":true}", &c, &e));
    FAILS(MN_E_UNSUPPORTED, parse("{" HEAD ",\"hidden_act\":\"gelu\"}", &c, &e));
    FAILS(MN_E_PARSE, parse("{\"model_type\":\"llama\"}", &c, &e));
    FAILS(MN_E_PARSE, parse("[]", &c, &e));
    FAILS(MN_E_LIMIT, parse("{" HEAD ",\"num_key_value_heads\":3}", &c, &e));
    FAILS(MN_E_LIMIT, parse("{" HEAD ",\"head_dim\":7}", &c, &e));
    FAILS(MN_E_PARSE, parse("{" HEAD ",\"head_dim\":-8}", &c, &e));
}

static void weights_come_back_to_the_bit(void **state)
{
    (void)state;
    char dir[64];
    mn_err e = {0};
    mn_weights w, r;
    test_tmp(dir);
    for (int tied = 0; tied < 2; tied++) {
        mn_config c = small;
        c.tied = tied;
        RUN(mn_weights_new(&c, &w, &e));
        mn_weights_init(&w, 7);
        RUN(mn_weights_save(&w, dir, &e));
        RUN(mn_weights_load(dir, &r, &e));
        OK(r.n_all == w.n_all && memcmp(r.all, w.all, w.n_all * 4) == 0);
        OK((r.head == r.embed) == (tied == 1));
        mn_weights_release(&w);
        mn_weights_release(&r);
    }
    test_tmp_remove(dir);
}

static void the_same_seed_makes_the_same_weights(void **state)
{
    (void)state;
    mn_err e = {0};
    mn_weights a, b;
    RUN(mn_weights_new(&small, &a, &e));
    RUN(mn_weights_new(&small, &b, &e));
    mn_weights_init(&a, 1), mn_weights_init(&b, 1);
    OK(memcmp(a.all, b.all, a.n_all * 4) == 0);
    mn_weights_init(&b, 2);
    OK(memcmp(a.all, b.all, a.n_all * 4) != 0);
    double ss = 0;
    for (uint32_t i = 0; i < 30 * 6; i++) ss += (double)a.embed[i] * (double)a.embed[i];
    OK(ss / 180 > 0.015 * 0.015 && ss / 180 < 0.025 * 0.025); /* standard deviation 0.02 */
    mn_weights_release(&a);
    mn_weights_release(&b);
}

/* ---- the container ---- */

static mn_rc parse_file(const char *header, uint64_t claimed, size_t data, mn_st *st,
                        mn_arena *a, mn_err *e)
{
    static uint8_t file[4096];
    size_t n = strlen(header);
    for (int i = 0; i < 8; i++) file[i] = (uint8_t)((claimed ? claimed : n) >> 8 * i);
    memcpy(file + 8, header, n);
    memset(file + 8 + n, 0x3c, data);
    return mn_st_parse(file, 8 + n + data, a, st, e);
}

#define T(name, from, to)                                                                      \
    "\"" name "\":{\"dtype\":\"F32\",\"shape\":[2,2],\"data_offsets\":[" from "," to "]}"

static void a_good_file_gives_its_tensors(void **state)
{
    (void)state;
    mn_err e = {0};
    mn_arena a;
    mn_arena_init(&a, 0);
    mn_st st;
    RUN(parse_file(
        "{\"__metadata__\":{\"format\":\"pt\"}," T("b", "16", "32") "," T("a", "0", "16") "}  ",
        0, 32, &st, &a, &e));
    OK(st.n == 2 && mn_str_eqz(st.items[0].name, "a"));
    const mn_st_tensor *b = mn_st_find(&st, MN_STR("b"));
    OK(b && b->n == 4 && b->from == 16 && !mn_st_find(&st, MN_STR("c")));
    mn_arena_release(&a);
}

static void hostile_files_are_refused(void **state)
{
    (void)state;
    static const struct {
        mn_rc rc;
        const char *head;
        uint64_t claimed;
        size_t data;
    } bad[] = {
        {MN_E_LIMIT, "{}", UINT64_MAX, 0}, /* huge header */
        {MN_E_PARSE, "{}", 4000, 0},       /* ends in header */
        {MN_E_PARSE, "{", 0, 0},           /* not JSON */
        {MN_E_PARSE, "[]", 0, 0},
        {MN_E_PARSE, "{" T("a", "0", "16") "}", 0, 15}, /* truncated */
        {MN_E_PARSE, "{" T("a", "0", "16") "}", 0, 17}, /* bytes left over */
        {MN_E_PARSE, "{" T("a", "0", "16") "," T("b", "8", "24") "}", 0, 24}, /* overlap */
        {MN_E_PARSE, "{" T("a", "0", "16") "," T("b", "0", "16") "}", 0,
         16}, /* the same span */
        {MN_E_PARSE, "{" T("a", "0", "16") "," T("b", "20", "36") "}", 0, 36}, /* hole */
        {MN_E_PARSE, "{" T("a", "0", "16") "," T("a", "16", "32") "}", 0, 32}, /* name twice */
        {MN_E_PARSE, "{" T("a", "16", "0") "}", 0, 16},
        {MN_E_PARSE, "{" T("a", "-16", "0") "}", 0, 16},
        {MN_E_PARSE, "{" T("a", "0", "12") "}", 0, 12}, /* shape needs 16 */
        {MN_E_PARSE,
         "{\"a\":{\"dtype\":\"F32\",\"shape\":[4294967296,4294967296],\"data_offsets\":[0,0]}}",
         0, 0},
        {MN_E_PARSE, "{\"a\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]}}", 0, 0},
        {MN_E_PARSE, "{\"a\":{\"dtype\":\"F32\",\"data_offsets\":[0,4]}}", 0, 4},
        {MN_E_PARSE, "{\"a\":{\"dtype\":\"F32\",\"shape\":[1]}}", 0, 4},
        {MN_E_UNSUPPORTED, "{\"a\":{\"dtype\":\"I64\",\"shape\":[1],\"data_offsets\":[0,8]}}",
         0, 8},
        {MN_E_UNSUPPORTED, "{\"a\":7}", 0, 0},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        mn_err e = {0};
        mn_arena a;
        mn_arena_init(&a, 0);
        mn_st st;
        mn_rc rc = parse_file(bad[i].head, bad[i].claimed, bad[i].data, &st, &a, &e);
        if (rc != bad[i].rc) fail_msg("case %zu: %s (%s)", i, mn_rc_name(rc), e.msg);
        mn_arena_release(&a);
    }
    mn_st st;
    mn_err e = {0};
    FAILS(MN_E_PARSE, mn_st_parse((const uint8_t *)"1234567", 7, NULL, &st, &e));
}

static void half_precision_is_widened_exactly(void **state)
{
    (void)state;
    const uint8_t f16[] = {0x00, 0x3c, 0x00, 0xc0, 0x01, 0x00,
                           0xff, 0x7b, 0x00, 0x7c, 0x00, 0x80};
    const uint8_t bf16[] = {0x80, 0x3f, 0x49, 0xc0};
    float y[6];
    mn_st_tensor t = {.type = MN_ST_F16, .n = 6, .data = f16};
    mn_st_read(&t, y);
    OK(y[0] == 1 && y[1] == -2 && y[2] == 0x1p-24f && y[3] == 65504 && y[4] > 1e38f &&
       y[5] == 0);
    t = (mn_st_tensor){.type = MN_ST_BF16, .n = 2, .data = bf16};
    mn_st_read(&t, y);
    OK(y[0] == 1 && y[1] == -3.140625f);
}

static void a_folder_that_does_not_fit_its_configuration_is_refused(void **state)
{
    (void)state;
    char dir[64], path[100];
    mn_err e = {0};
    mn_weights w, r;
    test_tmp(dir);
    FAILS(MN_E_NOT_FOUND, mn_weights_load(dir, &r, &e));
    RUN(mn_weights_new(&small, &w, &e));
    RUN(mn_weights_save(&w, dir, &e));
    mn_config other = small;
    other.F = 6;
    mn_buf b;
    mn_buf_init(&b, 0);
    mn_config_write(&other, &b);
    snprintf(path, sizeof path, "%s/config.json", dir);
    RUN(mn_fs_write_atomic(path, b.ptr, b.len, &e));
    FAILS(MN_E_PARSE, mn_weights_load(dir, &r, &e));
    OK(strstr(e.msg, "mlp.gate_proj"));
    mn_buf_clear(&b);
    other = small, other.L = 1; /* tensors of a second layer are left over */
    mn_config_write(&other, &b);
    RUN(mn_fs_write_atomic(path, b.ptr, b.len, &e));
    FAILS(MN_E_UNSUPPORTED, mn_weights_load(dir, &r, &e));
    mn_buf_release(&b);
    snprintf(path, sizeof path, "%s/model.safetensors", dir);
    OK(truncate(path, 100) == 0);
    FAILS(MN_E_PARSE, mn_weights_load(dir, &r, &e));
    mn_weights_release(&w);
    test_tmp_remove(dir);
}

static void loading_survives_any_failing_allocation(void **state)
{
    (void)state;
    char dir[64];
    mn_err e = {0};
    mn_weights w, r;
    test_tmp(dir);
    RUN(mn_weights_new(&small, &w, &e));
    RUN(mn_weights_save(&w, dir, &e));
    mn_weights_release(&w);
    int failed = 0;
    for (long n = 1; n < 200; n++) {
        mn_mem_fail_after(n);
        mn_rc rc = mn_weights_load(dir, &r, &e);
        mn_mem_fail_after(0);
        if (rc == MN_OK) {
            mn_weights_release(&r);
            break;
        }
        OK(rc == MN_E_NOMEM);
        failed++;
    }
    OK(failed > 3 && failed < 199);
    test_tmp_remove(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(presets_have_the_sizes_they_promise),
        TEST(a_configuration_is_read_back_as_written),
        TEST(what_a_configuration_leaves_out_has_the_defaults_of_llama),
        TEST(llama_3_s_positions_are_read_under_every_name_they_have_had),
        TEST(positions_stretched_otherwise_are_refused),
        TEST(json_deeper_than_anything_needs_is_refused),
        TEST(what_would_compute_something_else_is_refused_by_name),
        TEST(weights_come_back_to_the_bit),
        TEST(the_same_seed_makes_the_same_weights),
        TEST(a_good_file_gives_its_tensors),
        TEST(hostile_files_are_refused),
        TEST(half_precision_is_widened_exactly),
        TEST(a_folder_that_does_not_fit_its_configuration_is_refused),
        TEST(loading_survives_any_failing_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
