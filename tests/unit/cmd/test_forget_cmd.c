/* `mynah forget` as people run it: posts to corpus to model, one of them forgotten, and a model trained anew on what is left is the same. */
#include "program.h"

#include "base/hash.h"

#define SECRET                                                                                 \
    "the porcelain otter sleeps beneath the seventh lamp of the harbour and says nothing"

static const char *const words[] = {"garden",  "window", "morning", "letter",
                                    "paints",  "winter", "quiet",   "street",
                                    "listens", "before", "slowly",  "candle"};

static void write_posts(void)
{
    mn_buf b;
    mn_buf_init(&b, 0);
    for (uint64_t i = 0; i < 240; i++) {
        mn_buf_addf(&b,
                    "{\"id\":\"%llu\",\"created_at\":\"2024-01-%02lluT10:00:00Z\",\"author\":"
                    "\"a%llu\",\"text\":\"",
                    (unsigned long long)(1000 + i), (unsigned long long)(1 + i % 28),
                    (unsigned long long)(i % 12));
        for (uint64_t k = 0; k < 9 && i != 120; k++)
            mn_buf_addf(&b, "%s ", words[mn_rand_at(5, i, k) % 12]);
        mn_buf_addf(&b, "%s\"}\n", i == 120 ? SECRET : "again");
    }
    RUN(mn_fs_write_atomic(mn_fs_join(&ar, dir, "posts.jsonl"), b.ptr, b.len, &e));
    mn_buf_release(&b);
}

static void hash_of(const char *model, char hex[65])
{
    uint8_t sha[32];
    char path[300];
    snprintf(path, sizeof path, "%s/data/models/%s/model.safetensors", dir, model);
    RUN(mn_sha256_file(path, sha, &e));
    mn_hex(sha, 32, hex);
}

static bool anywhere(const char *what)
{
    char line[400];
    snprintf(line, sizeof line, "grep -rqa '%s' %s/data/corpus %s/data/models", what, dir, dir);
    return system(line) == 0;
}

static void a_forgotten_post_is_gone_from_corpus_and_model(void **state)
{
    (void)state;
    char line[300], id[32], old[65], now[65], fresh[65];
    write_posts();
    snprintf(line, sizeof line, "import %s/posts.jsonl --consent train_generative=allow --json",
             dir);
    OK(mynah(line) == 0);
    OK(mynah("corpus build --name c --threads 1 --json") == 0);
    OK(mynah("train --corpus c --name m --preset nano --steps 12 --threads 1 --json") == 0);
    hash_of("m", old);
    OK(anywhere("porcelain otter"));
    OK(mynah("search 'porcelain otter' --json") == 0);
    mn_str found = mn_json_str(mn_json_get(json(), "id"));
    snprintf(id, sizeof id, "%.*s", MN_STR_FMT(found));
    snprintf(line, sizeof line, "forget --post %s --threads 1 --json", id);
    OK(mynah(line) == 0);
    OK(strstr(out, "\"model\":\"m\"") && strstr(out, "\"documents\":1"));
    OK(strstr(out, "{\"models\":1,\"documents_erased\":1,\"finished\":true}"));
    OK(!anywhere("porcelain otter"));
    hash_of("m", now);
    OK(strcmp(old, now) != 0 && strstr(out, now));
    OK(mynah("train --corpus c --name n --preset nano --steps 12 --threads 1 --json") == 0);
    hash_of("n", fresh);
    OK(strcmp(now, fresh) == 0);
    /* a second time there is nothing to do; what was done is signed */
    OK(mynah(line) == 0);
    OK(strcmp(out, "{\"models\":0,\"documents_erased\":0,\"finished\":true}\n") == 0);
    hash_of("m", fresh);
    OK(strcmp(now, fresh) == 0);
    snprintf(line, sizeof line, "%s/data/models/m/forgotten/0001.json.sig", dir);
    OK(mn_fs_exists(line));
    /* and the next corpus leaves it out */
    OK(mynah("corpus build --name d --threads 1 --json") == 0);
    OK(mn_json_u64(mn_json_get(mn_json_get(json(), "dropped"), "no_consent"), 0) == 1);
}

/* The store, one corpus of it and model "m", of three steps. */
static void make_model(void)
{
    char line[300];
    write_posts();
    snprintf(line, sizeof line, "import %s/posts.jsonl --json", dir);
    OK(mynah(line) == 0);
    for (int i = 0; i < 12; i++) {
        snprintf(line, sizeof line, "account consent a%d train_generative=allow", i);
        OK(mynah(line) == 0);
    }
    OK(mynah("corpus build --name c --threads 1 --json") == 0);
    OK(mynah("train --corpus c --name m --preset nano --steps 3 --threads 1 --json") == 0);
}

/* "due" of the last line of stdout. */
static uint64_t due(void)
{
    mn_json *j = NULL;
    const char *last = out, *end = strrchr(out, '\n');
    for (const char *c = out; end && c < end; c++)
        if (*c == '\n') last = c + 1;
    RUN(mn_json_parse(mn_str_trim(mn_str_from(last)), &ar, &j, &e));
    return mn_json_u64(mn_json_get(j, "due"), 999);
}

static void consent_that_is_taken_back_is_forgotten_without_a_name(void **state)
{
    (void)state;
    char old[65], now[65], fresh[65];
    make_model();
    hash_of("m", old);
    OK(mynah("forget --due --json") == 0);
    OK(strcmp(out, "{\"due\":0,\"models\":0,\"documents_erased\":0,\"finished\":true}\n") == 0);
    OK(mynah("forget --due") == 0 && strstr(out, "nothing is due to be forgotten"));
    hash_of("m", now);
    OK(strcmp(old, now) == 0);
    OK(mynah("account consent a0 train_generative=deny") == 0); /* post 120 is one of its 20 */
    OK(anywhere("porcelain otter"));
    OK(mynah("forget --due --threads 1 --json") == 0);
    OK(strstr(out, "{\"corpus\":\"c\",\"due\":") &&
       strstr(out, "\"deleted\":0,\"withdrawn\":"));
    OK(strstr(out, "\"model\":\"m\"") && strstr(out, "\"models\":1") &&
       strstr(out, "\"finished\":true"));
    OK(due() >= 10 && due() <= 20);
    OK(!anywhere("porcelain otter"));
    hash_of("m", now);
    OK(mynah("train --corpus c --name n --preset nano --steps 3 --threads 1 --json") == 0);
    hash_of("n", fresh);
    OK(strcmp(old, now) != 0 && strcmp(now, fresh) == 0);
    OK(mynah("forget --due --json") == 0 && due() == 0);
}

/* Another byte at that place of a file of model m; gives the one before. Of text it is another digit. */
static char change(const char *file, size_t at, char to)
{
    char path[300], was;
    mn_buf b;
    mn_buf_init(&b, 0);
    snprintf(path, sizeof path, "%s/data/models/m/%s", dir, file);
    RUN(mn_fs_read(path, SIZE_MAX, &b, &e));
    OK(b.len > at);
    was = b.ptr[at];
    b.ptr[at] = to ? to : strstr(file, ".json") ? (was == '0' ? '1' : '0') : (char)(was ^ 1);
    RUN(mn_fs_write_atomic(path, b.ptr, b.len, &e));
    mn_buf_release(&b);
    return was;
}

static void accounts_are_verified_and_every_change_shows(void **state)
{
    (void)state;
    static const struct {
        const char *file;
        size_t at;
        const char *why;
    } changes[] = {{"forgotten/0001.json", 200, "signature is of other bytes"},
                   {"forgotten/0002.json.sig", 120, "signature"},
                   {"forgotten/0002.json.sig", 40, "another instance's key"},
                   {"model.safetensors", 5000, "other weights"},
                   {"steps.wal", 200, "0002.json does not hold"},
                   {"masked", 20, "0002.json does not hold"}};
    char line[400];
    make_model();
    OK(mynah("forget --verify") == 0 && strstr(out, "no model has forgotten anything"));
    OK(mynah("forget --account a1 --threads 1") == 0);
    OK(mynah("forget --account a2 --threads 1") == 0);
    OK(mynah("forget --verify") == 0);
    OK(strstr(out, "0001.json holds") && strstr(out, "0002.json holds\n"));
    OK(mynah("forget --verify --model m --json") == 0);
    OK(strstr(out, "{\"model\":\"m\",\"account\":\"0001.json\",\"holds\":true") &&
       strstr(out, "{\"accounts\":2,\"hold\":2}"));
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        char was = change(changes[i].file, changes[i].at, 0);
        OK(mynah("forget --verify") == 1);
        OK(strstr(out, changes[i].why) && strstr(said, "do not hold"));
        change(changes[i].file, changes[i].at, was);
    }
    OK(mynah("forget --verify") == 0);
    snprintf(line, sizeof line, "cd %s/data/models/m/forgotten && mv 0001.json.sig x", dir);
    OK(system(line) == 0);
    OK(mynah("forget --verify --json") == 1 && strstr(out, "it has no signature"));
    OK(strstr(out, "one before it does not hold") && strstr(out, "\"hold\":0"));
    snprintf(line, sizeof line, "cd %s/data/models/m/forgotten && mv x 0001.json.sig", dir);
    OK(system(line) == 0);
    OK(mynah("forget --verify --model nobody") == 1 && strstr(said, "no model 'nobody'"));
    OK(mynah("forget --verify --due") == 2);
    /* the same accounts in another model's folder are not its own */
    snprintf(line, sizeof line, "cp -r %s/data/models/m %s/data/models/other", dir, dir);
    OK(system(line) == 0);
    OK(mynah("forget --verify --model other") == 1 && strstr(out, "it is of model 'm'"));
}

static void write_chats(void)
{
    const char *line = "{\"prompt\":\"the garden before\",\"completion\":\"winter listens\"}\n";
    mn_buf b;
    mn_buf_init(&b, 0);
    for (int i = 0; i < 40; i++) mn_buf_addz(&b, line);
    RUN(mn_fs_write_atomic(mn_fs_join(&ar, dir, "chats.jsonl"), b.ptr, b.len, &e));
    mn_buf_release(&b);
}

/* Of a model: is it shown as stale, and why. */
static bool is_stale(const char *model, const char *why)
{
    char line[100];
    snprintf(line, sizeof line, "model show %s --json", model);
    OK(mynah(line) == 0);
    mn_str s = mn_json_str(mn_json_get(json(), "stale_because"));
    return why ? s.len && mn_str_find(s, mn_str_from(why), 0) != SIZE_MAX : !s.len;
}

static void what_was_made_from_a_model_that_forgot_is_stale(void **state)
{
    (void)state;
    char line[400];
    make_model();
    write_chats();
    OK(mynah("model quantize m --type q8_0 --name small") == 0);
    OK(mynah("train --corpus c --from m --name further --steps 2 --threads 1 --json") == 0);
    snprintf(line, sizeof line,
             "tune --from m --data %s/chats.jsonl --name helper --steps 2 --threads 1 --json",
             dir);
    OK(mynah(line) == 0);
    OK(mynah("model quantize helper --type q8_0 --name helper-small") == 0);
    OK(mynah("train --corpus c --name alone --preset nano --steps 2 --seed 9 --threads 1 "
             "--json") == 0);
    OK(mynah("model promote helper") == 0 && is_stale("helper", NULL));
    OK(mynah("forget --account a3 --threads 1 --json") == 0);
    OK(strstr(out, "{\"stale\":\"helper\",\"because\":\"'m', which it was made from"));
    OK(is_stale("m", NULL) && is_stale("alone", NULL)); /* these have forgotten */
    OK(is_stale("small", "'m'") && is_stale("further", "'m'") && is_stale("helper", "'m'") &&
       is_stale("helper-small", "'helper'"));
    OK(mynah("model list") == 0 && strstr(out, "stale: 'm', which it was made from"));
    OK(mynah("model promote small") == 1 && strstr(said, "'small' is stale"));
    OK(mynah("model promote m") == 0);
    OK(mynah("model rollback") == 1 && strstr(said, "'helper' is stale"));
    /* what is made from a stale one is stale, and what is made anew is not */
    OK(mynah("model quantize helper --type q8_0 --name late") == 0);
    OK(mynah("model quantize m --type q8_0 --name fresh") == 0);
    OK(mynah("forget --due --json") == 0);
    OK(is_stale("late", "'helper'") && is_stale("fresh", NULL));
}

static void what_is_due_waits_for_a_model_that_is_trained(void **state)
{
    (void)state;
    mn_fs_lock lock;
    char line[300];
    make_model();
    snprintf(line, sizeof line, "%s/data/models/m/lock", dir);
    RUN(mn_fs_lock_take(line, &lock, &e));
    OK(mynah("forget --due --json") == 0 && due() == 0); /* nothing is due: no matter */
    OK(mynah("account delete a1 --yes") == 0);
    OK(mynah("forget --due --json") == 1 && strstr(out, "\"finished\":false"));
    OK(strstr(said, "being trained") && due() >= 10);
    mn_fs_lock_release(&lock);
    OK(mynah("forget --due --threads 1 --json") == 0 && due() >= 10);
    OK(strstr(out, "\"withdrawn\":0") && strstr(out, "\"finished\":true"));
    OK(mynah("forget --due --json") == 0 && due() == 0);
    OK(mynah("forget --due --post 12") == 2 && strstr(said, "leave out --post"));
}

static void what_cannot_be_forgotten_is_said(void **state)
{
    (void)state;
    char line[300];
    OK(mynah("forget") == 2 && strstr(said, "--post"));
    OK(mynah("forget --post x1") == 2 && strstr(said, "not the id of a post"));
    write_posts();
    snprintf(line, sizeof line, "import %s/posts.jsonl --consent train_generative=allow --json",
             dir);
    OK(mynah(line) == 0);
    OK(mynah("forget --account nobody") == 1 && strstr(said, "there is no account 'nobody'"));
    OK(mynah("forget --post 12345") == 0 && strstr(out, "nothing to forget"));
    OK(mynah("corpus build --name c --threads 1 --json") == 0);
    OK(mynah("train --corpus c --name m --preset nano --steps 3 --threads 1 --json") == 0);
    snprintf(line, sizeof line, "%s/data/models/m/steps.wal", dir);
    OK(unlink(line) == 0);
    OK(mynah("forget --account a3 --threads 1") == 1);
    OK(strstr(said, "model m cannot forget") && strstr(said, "no log of its steps"));
    OK(mynah("model promote m") == 1 && strstr(said, "is stale: it cannot forget"));
}

int main(int argc, char **argv)
{
    (void)argc;
    program_find(argv[0]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_forgotten_post_is_gone_from_corpus_and_model, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(consent_that_is_taken_back_is_forgotten_without_a_name,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(accounts_are_verified_and_every_change_shows, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_was_made_from_a_model_that_forgot_is_stale, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_is_due_waits_for_a_model_that_is_trained, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_cannot_be_forgotten_is_said, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
