/* Adapters on disk: PEFT's names and keys, back and forth, what is refused, and merging. */
#include "lora_fixture.h"

#include "base/json.h"
#include "model/adapter.h"
#include "model/safetensors.h"

static char tmp[64];
static mn_err e;
static mn_arena arena;

static int set_up(void **state)
{
    (void)state;
    test_tmp(tmp);
    mn_arena_init(&arena, 0);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    test_tmp_remove(tmp);
    mn_arena_release(&arena);
    return 0;
}

static mn_buf file(const char *name)
{
    char path[200];
    mn_buf b;
    snprintf(path, sizeof path, "%s/%s", tmp, name);
    mn_buf_init(&b, 0);
    RUN(mn_fs_read(path, SIZE_MAX, &b, &e));
    return b;
}

static void names_and_keys_are_those_of_peft(void **state)
{
    (void)state;
    mn_lora a = lora_adapter(&lora_shape, 4,
                             1u << MN_LORA_Q | 1u << MN_LORA_UP | 1u << MN_LORA_DOWN, 1);
    mn_json *t;
    mn_st st;
    RUN(mn_adapter_save(&a, "smollm2", tmp, &e));
    mn_buf config = file("adapter_config.json"), tensors = file("adapter_model.safetensors");
    RUN(mn_json_parse(mn_buf_str(&config), &arena, &t, &e));
    IS(mn_json_str(mn_json_get(t, "peft_type")), "LORA");
    IS(mn_json_str(mn_json_get(t, "task_type")), "CAUSAL_LM");
    IS(mn_json_str(mn_json_get(t, "base_model_name_or_path")), "smollm2");
    OK(mn_json_u64(mn_json_get(t, "r"), 0) == 4 &&
       mn_json_f64(mn_json_get(t, "lora_alpha"), 0) == 8);
    const mn_json *list = mn_json_get(t, "target_modules");
    OK(list->n == 3);
    IS(mn_json_str(mn_json_at(list, 0)), "q_proj");
    IS(mn_json_str(mn_json_at(list, 2)), "down_proj");
    RUN(mn_st_parse((const uint8_t *)tensors.ptr, tensors.len, &arena, &st, &e));
    OK(st.n == 3 * 2 * 3);
    const mn_st_tensor *x = mn_st_find(
        &st, MN_STR("base_model.model.model.layers.2.self_attn.q_proj.lora_A.weight"));
    OK(x && x->shape[0] == 4 && x->shape[1] == 64);
    x = mn_st_find(&st, MN_STR("base_model.model.model.layers.0.mlp.up_proj.lora_B.weight"));
    OK(x && x->shape[0] == 160 && x->shape[1] == 4);
    mn_buf_release(&config), mn_buf_release(&tensors);
    mn_lora_release(&a);
}

static void what_is_saved_is_loaded_to_the_bit(void **state)
{
    (void)state;
    for (uint32_t targets = 1; targets <= MN_LORA_ALL; targets = targets * 3 + 1) {
        mn_lora a = lora_adapter(&lora_shape, 3, targets & MN_LORA_ALL, 1), b;
        mn_str base;
        a.rslora = targets & 1, a.alpha = 7.25f;
        RUN(mn_adapter_save(&a, "a \"base\"", tmp, &e));
        RUN(mn_adapter_load(tmp, &lora_shape, &arena, &b, &base, &e));
        OK(a.n_all == b.n_all && memcmp(a.all, b.all, a.n_all * 4) == 0);
        OK(a.rank == b.rank && a.alpha == b.alpha && a.rslora == b.rslora &&
           a.targets == b.targets);
        OK(mn_lora_scale(&a) == mn_lora_scale(&b));
        IS(base, "a \"base\"");
        mn_lora_release(&a), mn_lora_release(&b);
    }
}

static mn_rc config(const char *json, mn_lora *ret)
{
    mn_str base;
    return mn_adapter_parse_config(mn_str_from(json), &lora_shape, &arena, ret, &base, &e);
}

#define HEAD "{\"peft_type\":\"LORA\",\"r\":4,\"lora_alpha\":8,\"target_modules\":[\"q_proj\"]"

static void what_would_give_wrong_answers_is_refused_by_name(void **state)
{
    (void)state;
    static const struct {
        const char *json, *word;
    } bad[] = {
        {HEAD ",\"use_dora\":true}", "use_dora"},
        {HEAD ",\"rank_pattern\":{\"q\":2}}", "rank_pattern"},
        {HEAD ",\"alpha_pattern\":{\"q\":2}}", "alpha_pattern"},
        {HEAD ",\"modules_to_save\":[\"lm_head\"]}", "modules_to_save"},
        {HEAD ",\"layers_to_transform\":[1]}", "layers_to_transform"},
        {HEAD ",\"layers_to_transform\":1}", "layers_to_transform"},
        {HEAD ",\"fan_in_fan_out\":true}", "fan_in_fan_out"},
        {HEAD ",\"bias\":\"all\"}", "biases"},
        {HEAD ",\"init_lora_weights\":\"pissa_niter_4\"}", "pissa"},
        {"{\"peft_type\":\"IA3\"}", "IA3"},
        {"{\"peft_type\":\"LORA\",\"r\":4,\"lora_alpha\":8,\"target_modules\":[\"lm_head\"]}",
         "lm_head"},
        {"{\"peft_type\":\"LORA\",\"r\":4,\"lora_alpha\":8,\"target_modules\":\"q.*\"}",
         "target_modules"},
    };
    mn_lora a = {0};
    RUN(config(HEAD ",\"rank_pattern\":{},\"bias\":\"none\",\"modules_to_save\":null,"
                    "\"init_lora_weights\":true,\"unheard_of\":1}",
               &a));
    mn_lora_release(&a);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        FAILS(MN_E_UNSUPPORTED, config(bad[i].json, &a));
        if (!strstr(e.msg, bad[i].word)) fail_msg("%s: %s", bad[i].word, e.msg);
    }
    FAILS(MN_E_PARSE, config("[]", &a));
    FAILS(MN_E_PARSE, config("{", &a));
    FAILS(MN_E_USAGE, config("{\"peft_type\":\"LORA\",\"r\":0,\"lora_alpha\":8,"
                             "\"target_modules\":[\"q_proj\"]}",
                             &a));
    FAILS(MN_E_LIMIT, config("{\"peft_type\":\"LORA\",\"r\":5000000000,\"lora_alpha\":8,"
                             "\"target_modules\":[\"q_proj\"]}",
                             &a));
    FAILS(MN_E_USAGE,
          config("{\"peft_type\":\"LORA\",\"r\":4,\"target_modules\":[\"q_proj\"]}", &a));
    OK(!a.all);
}

static void tensors_that_do_not_fit_are_refused_by_name(void **state)
{
    (void)state;
    mn_lora a = lora_adapter(&lora_shape, 4, 1u << MN_LORA_Q, 1), b;
    mn_str base;
    mn_config other = lora_shape;
    RUN(mn_adapter_save(&a, "x", tmp, &e));
    other.L = 4;
    FAILS(MN_E_PARSE, mn_adapter_load(tmp, &other, &arena, &b, &base, &e));
    OK(strstr(e.msg, "layers.3.self_attn.q_proj.lora_A"));
    other.L = 2;
    FAILS(MN_E_UNSUPPORTED, mn_adapter_load(tmp, &other, &arena, &b, &base, &e));
    other = lora_shape, other.C = 96;
    FAILS(MN_E_PARSE, mn_adapter_load(tmp, &other, &arena, &b, &base, &e));
    OK(strstr(e.msg, "shape [4, 96]"));
    a.all[5] = NAN;
    RUN(mn_adapter_save(&a, "x", tmp, &e));
    FAILS(MN_E_CORRUPT, mn_adapter_load(tmp, &lora_shape, &arena, &b, &base, &e));
    FAILS(MN_E_NOT_FOUND,
          mn_adapter_load("/tmp/mynah-none", &lora_shape, &arena, &b, &base, &e));
    mn_lora_release(&a);
}

/* Logits of a whole sequence's last row. */
static void logits(const mn_model *m, const mn_lora *a, float *ret)
{
    static lora_batch batch;
    static float losses[LORA_ROWS * LORA_T];
    mn_batch b = lora_fill(&batch, m->cfg.V, 1, LORA_T);
    mn_lora_pass_opts o = {.n_rows = 1, .T = LORA_T, .dtype = MN_F32};
    mn_lora_pass *p;
    RUN(mn_lora_pass_new(m, a, NULL, &o, &p, &e));
    mn_lora_pass_run(p, &b, losses, NULL);
    mn_lora_pass_logits(p, 0, LORA_T - 1, ret);
    mn_lora_pass_free(p);
}

static void check_merge(mn_qtype base, mn_qtype type, uint32_t targets, double tol)
{
    mn_weights w = lora_weights(&lora_shape, 0.1f, 5);
    mn_lora a = lora_adapter(&lora_shape, 4, targets, 0.1f);
    mn_model *m = lora_model(&arena, &w, base), *merged;
    mn_pool *pool;
    float *x = mn_calloc(lora_shape.V, 4), *y = mn_calloc(lora_shape.V, 4);
    RUN(mn_pool_new(3, &pool, &e));
    RUN(mn_adapter_merge(m, &a, type, pool, &merged, &e));
    logits(m, &a, x);
    logits(merged, NULL, y);
    double apart = lora_apart(y, x, lora_shape.V);
    if (!(apart < tol)) fail_msg("merged logits are %.3g apart", apart);
    logits(m, NULL, y);
    OK(lora_apart(y, x, lora_shape.V) > 0.01); /* and the adapter does something */
    OK(merged->embed.data == m->embed.data && merged->layers[1].norm1.data);
    OK((merged->layers[0].wk.data == m->layers[0].wk.data) == !(targets >> MN_LORA_K & 1));
    mn_adapter_merge_free(merged);
    mn_free(x), mn_free(y);
    mn_pool_free(pool);
    mn_lora_release(&a), mn_weights_release(&w);
}

static void a_merged_model_answers_as_base_and_adapter_do(void **state)
{
    (void)state;
    check_merge(MN_Q_F32, MN_Q_F32, MN_LORA_ALL, 1e-5);
    check_merge(MN_Q_Q4_0, MN_Q_F32, 1u << MN_LORA_Q | 1u << MN_LORA_DOWN, 1e-5);
    check_merge(MN_Q_Q8_0, MN_Q_F16, MN_LORA_ALL, 2e-3);
    check_merge(MN_Q_BF16, MN_Q_BF16, MN_LORA_ALL, 2e-2);
}

static void merging_refuses_other_shapes_and_formats(void **state)
{
    (void)state;
    mn_weights w = lora_weights(&lora_shape, 0.1f, 5);
    mn_config other = lora_shape;
    other.F = 128;
    mn_lora a = lora_adapter(&other, 4, MN_LORA_ALL, 0.1f);
    mn_model *m = lora_model(&arena, &w, MN_Q_F32), *merged = NULL;
    FAILS(MN_E_USAGE, mn_adapter_merge(m, &a, MN_Q_F32, NULL, &merged, &e));
    mn_lora_release(&a);
    a = lora_adapter(&lora_shape, 4, MN_LORA_ALL, 0.1f);
    FAILS(MN_E_USAGE, mn_adapter_merge(m, &a, MN_Q_Q8_0, NULL, &merged, &e));
    for (long n = 1; n <= 4; n++) {
        mn_mem_fail_after(n);
        FAILS(MN_E_NOMEM, mn_adapter_merge(m, &a, MN_Q_F32, NULL, &merged, &e));
        mn_mem_fail_after(0);
    }
    OK(!merged);
    mn_adapter_merge_free(NULL);
    mn_lora_release(&a), mn_weights_release(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(names_and_keys_are_those_of_peft),
        TEST(what_is_saved_is_loaded_to_the_bit),
        TEST(what_would_give_wrong_answers_is_refused_by_name),
        TEST(tensors_that_do_not_fit_are_refused_by_name),
        TEST(a_merged_model_answers_as_base_and_adapter_do),
        TEST(merging_refuses_other_shapes_and_formats),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
