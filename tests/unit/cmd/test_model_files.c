/* model import, export, quantize as commands: exit codes, results, what is left. */
#include "test.h"

#include "base/json.h"
#include "cmd/card.c"
#include "cmd/cmd.c" /* commands are not linked into tests, a program is one */
#include "cmd/model_files.c"
#include "cmd/models.c"
#include "model/weights.h"
#include "verb.h"

#define run verb_run

static bool said(const char *file, const char *words)
{
    const char *text = verb_said(file);
    bool found = strstr(text, words) != NULL;
    if (!found) print_error("%s: %s", file, text);
    return found;
}

static const char *at(const char *name)
{
    static char paths[4][160];
    static int next;
    char *p = paths[next++ % 4];
    snprintf(p, sizeof *paths, "%s/%s", dir, name);
    return p;
}

static void make_source(void)
{
    const mn_config c = {.V = 400,
                         .C = 64,
                         .L = 1,
                         .H = 2,
                         .KV = 1,
                         .D = 32,
                         .F = 64,
                         .T = 64,
                         .rope_theta = 10000,
                         .eps = 1e-5f,
                         .tied = true};
    mn_weights w;
    mn_tok_trainer *t;
    mn_tokenizer *tok;
    RUN(mn_fs_mkdirs(at("src"), &e));
    RUN(mn_weights_new(&c, &w, &e));
    mn_weights_init(&w, 1);
    RUN(mn_weights_save(&w, at("src"), &e));
    mn_weights_release(&w);
    RUN(mn_tok_trainer_new(&t, &e));
    RUN(mn_tok_trainer_add(t, MN_STR("the cat and the hat"), &e));
    RUN(mn_tok_trainer_finish(t, 400, &tok, &e));
    RUN(mn_tok_save(tok, at("src/tokenizer.json"), &e));
    mn_tok_free(tok);
    mn_tok_trainer_free(t);
}

static void a_model_goes_in_out_and_smaller(void **s)
{
    (void)s;
    OK(run(mn_cmd_model_import, "import", at("src"), "--name", "a", "--licence", "mit",
           "--origin", "here", NULL) == 0);
    OK(said("out", "imported 'a'") && said("out", "licence mit") && said("out", "from here"));
    OK(run(mn_cmd_model_quantize, "quantize", "a", "--type", "q4_0", "--name", "b", "--json",
           NULL) == 0);
    OK(said("out", "\"format\":\"q4_0\"") && said("out", "\"licence\":\"mit\""));
    OK(mn_fs_exists(at("data/models/b/model.gguf")));
    OK(run(mn_cmd_model_export, "export", "b", "--to", at("b.gguf"), "--json", NULL) == 0);
    OK(said("out", "\"format\":\"q4_0\""));
    OK(run(mn_cmd_model_export, "export", "b", "--to", at("folder"), NULL) == 0);
    OK(said("out", "f32") && mn_fs_exists(at("folder/model.safetensors")));
    OK(run(mn_cmd_model_export, "export", at("b.gguf"), "--to", at("half"), "--type", "f16",
           NULL) == 0);
    OK(said("out", "f16"));
    OK(run(mn_cmd_model_import, "import", at("b.gguf"), "--name", "c", NULL) == 0);
    OK(said("out", "licence mit") && said("out", "from here"));
}

static void what_is_wrong_is_said_and_nothing_is_left(void **s)
{
    (void)s;
    OK(run(mn_cmd_model_import, "import", at("src"), NULL) == 2 && said("err", "--name"));
    OK(run(mn_cmd_model_import, "import", "--name", "x", NULL) == 2 && said("err", "the path"));
    OK(run(mn_cmd_model_import, "import", at("src"), "--name", "../x", NULL) == 2);
    OK(run(mn_cmd_model_import, "import", at("src"), "--name", "a", NULL) == 1 &&
       said("err", "already"));
    OK(run(mn_cmd_model_import, "import", at("nowhere"), "--name", "x", "--json", NULL) == 1);
    OK(said("out", "\"code\":\"not_found\""));
    OK(run(mn_cmd_model_export, "export", "a", NULL) == 2 && said("err", "--to"));
    OK(run(mn_cmd_model_export, "export", "a", "--to", at("b.gguf"), NULL) == 1 &&
       said("err", "already"));
    OK(run(mn_cmd_model_export, "export", "a", "--to", at("folder"), NULL) == 1 &&
       said("err", "already"));
    OK(run(mn_cmd_model_export, "export", "a", "--to", at("z.gguf"), "--type", "q2_k", NULL) ==
           2 &&
       said("err", "q4_k"));
    OK(run(mn_cmd_model_export, "export", "a", "--to", at("z"), "--type", "q4_k", NULL) == 2 &&
       said("err", "GGUF"));
    OK(run(mn_cmd_model_export, "export", "nobody", "--to", at("z.gguf"), NULL) == 1);
    OK(run(mn_cmd_model_quantize, "quantize", "a", "--type", "q8_0", NULL) == 2);
    OK(run(mn_cmd_model_quantize, "quantize", "a", "--type", "q8_0", "--name", "b", NULL) == 1);
    OK(!mn_fs_exists(at("data/models/x")) && !mn_fs_exists(at("z.gguf")) &&
       !mn_fs_exists(at("z")));
}

int main(void)
{
    test_tmp(dir);
    snprintf(data, sizeof data, "%s/data", dir);
    make_source();
    const struct CMUnitTest tests[] = {
        TEST(a_model_goes_in_out_and_smaller),
        TEST(what_is_wrong_is_said_and_nothing_is_left),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    test_tmp_remove(dir);
    return failed;
}
