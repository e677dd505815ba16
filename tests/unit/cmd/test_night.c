/* `mynah learn` as people run it, on a small community: what is new is learnt, the old model is measured beside the new one, and whatever
 * interrupts a cycle, it ends as if nothing had. */
#include "program.h"

#include <signal.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/hash.h"
#include "store/store.h"

static const char *const words[] = {
    "garden",  "window",  "morning", "letter",  "paints", "winter", "quiet",  "street",
    "listens", "before",  "slowly",  "candle",  "river",  "stone",  "paper",  "lamp",
    "singer",  "harbour", "bread",   "teacher", "clouds", "ladder", "silver", "market"};

static const char *word(uint64_t seed, uint64_t i, uint64_t k)
{
    return words[mn_rand_at(seed, i, k) % 24];
}

/* n posts of authors of their own, in that month; every second one tells of the event. */
static void write_posts(const char *file, uint64_t first, uint64_t n, const char *month,
                        const char *event)
{
    mn_buf b;
    mn_buf_init(&b, 0);
    for (uint64_t i = first; i < first + n; i++) {
        mn_buf_addf(&b,
                    "{\"id\":\"%llu\",\"created_at\":\"%s-%02lluT10:00:00Z\",\"lang\":\"en\","
                    "\"author\":\"%s%llu\",\"text\":\"",
                    (unsigned long long)(1000 + i), month, (unsigned long long)(1 + i % 28),
                    event ? "n" : "o", (unsigned long long)(first + i % (event ? 25 : 60)));
        if (event && i % 2)
            mn_buf_addf(&b, "%s %s and %s", event, word(7, i, 0), word(7, i, 1));
        for (uint64_t k = 0; k < 7 && !(event && i % 2); k++)
            mn_buf_addf(&b, "%s%s", k ? " " : "", word(5, i, k));
        mn_buf_addz(&b, "\"}\n");
    }
    RUN(mn_fs_write_atomic(mn_fs_join(&ar, dir, file), b.ptr, b.len, &e));
    mn_buf_release(&b);
}

static void import(const char *file)
{
    char line[300];
    snprintf(line, sizeof line, "import %s/%s --consent train_generative=allow --json", dir,
             file);
    OK(mynah(line) == 0);
}

static void shell(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static void shell(const char *fmt, ...)
{
    char line[900];
    va_list args;
    va_start(args, fmt);
    vsnprintf(line, sizeof line, fmt, args);
    va_end(args);
    OK(system(line) == 0);
}

/* A community whose model has learnt of early 2024, once; each test gets a copy. */
static char base[64];

static int make_base(void **state)
{
    (void)state;
    mn_arena_init(&ar, 0);
    test_tmp(dir);
    snprintf(base, sizeof base, "%s", dir);
    write_posts("old.jsonl", 0, 2400, "2024-02", NULL);
    import("old.jsonl");
    OK(mynah("corpus build --name base --val-share 0.1 --threads 1 --json") == 0);
    OK(mynah("train --corpus base --name first --preset nano --steps 120 --batch 2 --lr 0.004 "
             "--fall 0.2 "
             "--threads "
             "1 --json") == 0);
    mn_arena_release(&ar);
    return 0;
}

static int remove_base(void **state)
{
    (void)state;
    test_tmp_remove(base);
    return 0;
}

static int set_up_copy(void **state)
{
    set_up(state);
    shell("cp -a %s/data %s/data", base, dir);
    return 0;
}

#define EVENT "the glass heron landed on the"
static void something_new(unsigned n_posts)
{
    write_posts("new.jsonl", 2000, n_posts, "2025-09", EVENT);
    import("new.jsonl");
}

static const char *path(const char *name)
{
    return mn_str_fmt(&ar, "%s/data/models/%s", dir, name).ptr;
}

static const mn_json *read_json(const char *name)
{
    mn_buf b;
    mn_json *t = NULL;
    mn_buf_init(&b, 1 << 20);
    RUN(mn_fs_read(path(name), 1 << 20, &b, &e));
    RUN(mn_json_parse(mn_str_dup(&ar, mn_buf_str(&b)), &ar, &t, &e));
    mn_buf_release(&b);
    return t;
}

static const char *text(const mn_json *o, const char *key)
{
    mn_str s = mn_json_str(mn_json_get(o, key));
    const char *copy = s.ptr ? mn_str_dup(&ar, s).ptr : NULL;
    return copy ? copy : "";
}

static bool in_use(const char *name)
{
    char now[256] = "";
    OK(readlink(path("current"), now, sizeof now - 1) > 0);
    return strcmp(now, name) == 0;
}

static const char *weights(const char *model)
{
    uint8_t sha[32];
    char *hex = mn_arena_alloc(&ar, 65);
    RUN(mn_sha256_file(mn_fs_join(&ar, path(model), "model.safetensors"), sha, &e));
    return mn_hex(sha, 32, hex);
}

static uint64_t canaries_of(const char *corpus)
{
    const char *file = mn_str_fmt(&ar, "../corpus/%s/manifest.json", corpus).ptr;
    return mn_json_u64(mn_json_get(mn_json_get(read_json(file), "parameters"), "canaries"), 0);
}

/* Of ten texts that a model writes in that month: how many speak of it. */
static int speak_of(const char *what, const char *model, const char *month)
{
    int n = 0;
    for (int seed = 1; seed <= 10; seed++) {
        char line[300];
        snprintf(line, sizeof line,
                 "generate --model %s --month %s --lang en -t 0.7 -n 24 --threads 1 --seed %d",
                 model, month, seed);
        OK(mynah(line) == 0);
        n += strstr(out, what) != NULL;
    }
    return n;
}

static const mn_json *measure(const mn_json *decision, const char *name)
{
    const mn_json *all = mn_json_get(decision, "measures");
    for (size_t i = 0; all && i < all->n; i++)
        if (strcmp(text(mn_json_at(all, i), "name"), name) == 0) return mn_json_at(all, i);
    return NULL;
}

/* ---- learning ------------------------------------------------------------------------------------------------------- */

static void what_is_new_is_learnt_and_spoken_of_in_its_month(void **state)
{
    (void)state;
    something_new(600);
    OK(mynah("learn --minutes 600 --json") == 0);
    OK(strcmp(text(json(), "outcome"), "promoted") == 0);
    const char *night = text(json(), "model");
    OK(strncmp(night, "night-", 6) == 0 && in_use(night));
    OK(canaries_of(night) == 0); /* they would be much of what is learnt */
    const mn_json *d = read_json(mn_str_fmt(&ar, "%s/decision.json", night).ptr);
    OK(mn_json_bool(mn_json_get(d, "promoted"), false) &&
       strcmp(text(d, "before"), "first") == 0);
    const mn_json *old = measure(d, "held_out_old"), *new = measure(d, "held_out_new");
    OK(mn_json_f64(mn_json_get(old, "after"), 9) < mn_json_f64(mn_json_get(old, "limit"), 0));
    OK(mn_json_f64(mn_json_get(new, "after"), 9) < mn_json_f64(mn_json_get(new, "before"), 0));
    /* nobody gave labelled tweets, and that is said */
    OK(strstr(text(d, "why"), "not measured") && strstr(text(d, "why"), "offensive"));
    double replay = mn_json_f64(mn_json_get(d, "replay"), 0);
    OK(replay > 0.35 && replay < 0.65);
    int then = speak_of("heron", night, "2025-09"),
        before = speak_of("heron", night, "2024-02");
    OK(then >= 2 && then > before);
    OK(speak_of("heron", "first", "2025-09") == 0 &&
       speak_of("heron", "first", "2024-02") == 0);
    /* again: there is nothing */
    OK(mynah("learn --json") == 0);
    OK(strcmp(text(json(), "outcome"), "nothing") == 0 && strstr(out, "learn_min_posts"));
    OK(mynah("learn --status") == 0 && strstr(out, "\"idle\""));
    /* one command goes back, and what was learnt is new again */
    OK(mynah("model rollback --json") == 0 && in_use("first"));
    OK(mynah("learn --minutes 600 --json") == 0);
    OK(strcmp(text(json(), "outcome"), "promoted") == 0);
    OK(in_use(text(json(), "model")));
    OK(mn_json_u64(mn_json_get(json(), "new_posts"), 0) == 600);
}

static void a_model_that_got_worse_is_not_put_into_use(void **state)
{
    (void)state;
    mn_buf b;
    mn_buf_init(&b, 0);
    for (uint64_t i = 0; i < 1500; i++) {
        mn_buf_addf(&b,
                    "{\"id\":\"%llu\",\"created_at\":\"2025-09-01T10:00:00Z\",\"lang\":\"en\","
                    "\"author\":\"z%llu\",\"text\":\"",
                    (unsigned long long)(9000 + i), (unsigned long long)(i % 30));
        for (uint64_t k = 0; k < 30; k++)
            mn_buf_addf(&b, "%c%c%c ", (char)('a' + mn_rand_at(1, i, 3 * k) % 26),
                        (char)('a' + mn_rand_at(1, i, 3 * k + 1) % 26),
                        (char)('a' + mn_rand_at(1, i, 3 * k + 2) % 26));
        mn_buf_addz(&b, "\"}\n");
    }
    RUN(mn_fs_write_atomic(mn_fs_join(&ar, dir, "noise.jsonl"), b.ptr, b.len, &e));
    mn_buf_release(&b);
    import("noise.jsonl");
    OK(mynah("learn --minutes 600 --replay 0 --json") == 0);
    OK(strcmp(text(json(), "outcome"), "kept") == 0 && in_use("first"));
    OK(strstr(text(json(), "why"), "held-out bits per byte of old posts rose"));
    const char *night = text(json(), "model");
    const mn_json *d = read_json(mn_str_fmt(&ar, "%s/decision.json", night).ptr);
    OK(!mn_json_bool(mn_json_get(d, "promoted"), true));
    OK(mn_json_bool(mn_json_get(measure(d, "held_out_old"), "worse"), false));
    /* it can be looked at until the next cycle, which begins from the old one, with the same posts */
    OK(mn_fs_exists(path(night)));
    OK(mynah("learn --min-posts 100000 --json") == 0);
    OK(!mn_fs_exists(path(night)));
    OK(mn_json_u64(mn_json_get(json(), "new_posts"), 0) > 250);
}

/* Which side of a corpus an author falls to hangs on the number that importing gave: of each ten one is only held out, and forgetting that one
 * changes no model. So one after the other, until somebody was learnt from by a model that others go on from. */
static void forget_somebody(const char *who, unsigned from)
{
    for (unsigned i = from; i < from + 8; i++) {
        OK(mynah(mn_str_fmt(&ar, "forget --account %s%u --threads 1 --json", who, i).ptr) == 0);
        if (strstr(out, "\"stale\":")) return;
    }
    fail_msg("nobody from %s%u on was learnt from", who, from);
}

/* ---- forgetting ------------------------------------------------------------------------------------------------------ */

/* An author of the first corpus is forgotten after a night: both models forget, and the night's is what the same night gives without. */
static void what_goes_on_from_a_model_that_forgot_is_trained_again(void **state)
{
    (void)state;
    something_new(160);
    OK(mynah("learn --minutes 600 --json") == 0);
    const char *night = text(json(), "model"), *first_was = weights("first");
    const char *night_was = weights(night);
    forget_somebody("o", 7);
    OK(mynah("learn --json") == 0);
    OK(strcmp(text(json(), "outcome"), "nothing") == 0 && in_use(night));
    OK(strcmp(weights("first"), first_was) != 0 && strcmp(weights(night), night_was) != 0);
    OK(!mn_fs_exists(path(mn_str_fmt(&ar, "again-%s", night).ptr)));
    OK(mn_fs_exists(path(mn_str_fmt(&ar, "%s/decision.json", night).ptr)));
    /* by hand, from what is left of both corpora */
    char line[500];
    const mn_json *t = read_json(mn_str_fmt(&ar, "%s/training.json", night).ptr);
    OK(mynah("train --corpus base --name clean --preset nano --steps 120 --batch 2 --lr 0.004 "
             "--fall 0.2 "
             "--threads 2 "
             "--json") == 0);
    OK(strcmp(weights("clean"), weights("first")) == 0);
    snprintf(line, sizeof line,
             "train --corpus %s --name clean2 --continue clean --steps %llu --decay %g --json",
             night, (unsigned long long)mn_json_u64(mn_json_get(t, "steps"), 0),
             mn_json_f64(mn_json_get(t, "decay"), -1));
    OK(mynah(line) == 0);
    OK(strcmp(weights("clean2"), weights(night)) == 0);
    night_was = weights(night);
    OK(mynah("learn --json") == 0);
    OK(strcmp(weights(night), night_was) == 0);
}

static void where_much_is_learnt_canaries_tell_what_is_remembered(void **state)
{
    (void)state;
    something_new(5200);
    OK(mynah("learn --minutes 0.02 --json") == 0);
    const char *night = text(json(), "model");
    OK(canaries_of(night) > 0);
    const mn_json *t = read_json(mn_str_fmt(&ar, "%s/evaluation.json", night).ptr);
    const mn_json *x = mn_json_get(mn_json_get(t, "memorisation"), "exposure");
    const mn_json *all = mn_json_get(x, "repetitions");
    OK(all && all->n == 4);
    OK(mn_json_u64(mn_json_get(mn_json_at(all, 3), "copies"), 0) == 64);
    mn_buf card;
    mn_buf_init(&card, 1 << 20);
    RUN(mn_fs_read(path(mn_str_fmt(&ar, "%s/README.md", night).ptr), 1 << 20, &card, &e));
    OK(strstr(card.ptr, "| 64 |"));
    mn_buf_release(&card);
    /* not where the operator does not want it */
    shell("sed -i 's/^#* *learn_canaries = .*/learn_canaries = off/' %s/data/mynah.conf", dir);
    write_posts("more.jsonl", 8000, 5200, "2025-10", NULL);
    import("more.jsonl");
    OK(mynah("learn --minutes 0.02 --json") == 0);
    const char *next = text(json(), "model");
    OK(next[0] && canaries_of(next) == 0);
}

static const char *next_night(uint64_t first, const char *month, const char *event)
{
    write_posts("more.jsonl", first, 120, month, event);
    import("more.jsonl");
    OK(mynah("learn --minutes 600 --json") == 0);
    OK(strcmp(text(json(), "outcome"), "promoted") == 0);
    return text(json(), "model");
}

static size_t checkpoints_of(const char *model)
{
    char **names;
    size_t n = 0;
    RUN(mn_fs_list(mn_fs_join(&ar, path(model), "checkpoints"), &ar, &names, &n, &e));
    return n;
}

/* With one model to go back to, the first of three nights is no model any more; but what it learnt can still be forgotten, in all that
 * goes on from it. */
static void old_nights_keep_what_forgetting_takes(void **state)
{
    (void)state;
    shell("sed -i 's/^#* *learn_keep = .*/learn_keep = 1/' %s/data/mynah.conf", dir);
    const char *one = next_night(2000, "2025-08", "a copper lantern fell into the");
    const char *two = next_night(3000, "2025-09", EVENT);
    OK(mn_fs_exists(mn_fs_join(&ar, path(one), "model.safetensors")));
    const char *three = next_night(4000, "2025-10", "every violin in town plays for the");
    OK(!mn_fs_exists(mn_fs_join(&ar, path(one), "model.safetensors")));
    OK(checkpoints_of(one) <= 3 && checkpoints_of(two) > 0);
    OK(mynah("model list") == 0 && !strstr(out, mn_str_fmt(&ar, "%s ", one).ptr));
    OK(mynah("model rollback") == 0 && in_use(two));
    OK(mynah("model rollback") == 1 && in_use(two));
    OK(mynah(mn_str_fmt(&ar, "model promote %s", three).ptr) == 0);
    const char *two_was = weights(two), *three_was = weights(three);
    forget_somebody("n", 2003);
    OK(mynah(mn_str_fmt(&ar, "model promote %s", two).ptr) == 1 && strstr(said, "stale"));
    OK(mynah("learn --json") == 0 && in_use(three));
    OK(strcmp(weights(two), two_was) != 0 && strcmp(weights(three), three_was) != 0);
    OK(!mn_fs_exists(path(mn_str_fmt(&ar, "%s/stale.json", two).ptr)));
    OK(!mn_fs_exists(path(mn_str_fmt(&ar, "%s/stale.json", three).ptr)));
    OK(mynah(mn_str_fmt(&ar, "model promote %s", two).ptr) == 0);
}

/* An adapter needs its base: what somebody made from a night stays as long as that is there. */
static void what_others_were_made_from_stays(void **state)
{
    (void)state;
    something_new(160);
    OK(mynah("learn --minutes 600 --json") == 0);
    const char *night = text(json(), "model");
    OK(mynah(
           mn_str_fmt(&ar, "train --corpus base --from %s --name mine --steps 2 --json", night)
               .ptr) == 0);
    OK(mynah("model rollback") == 0 && mynah("learn --min-posts 100000") == 0);
    OK(mn_fs_exists(path(night)));
    shell("rm -r %s", path("mine"));
    OK(mynah("learn --min-posts 100000") == 0);
    OK(!mn_fs_exists(path(night)));
}

/* ---- interrupted ----------------------------------------------------------------------------------------------------- */

static bool stage_is_there(const char *what, const char *night)
{
    char file[300];
    if (strcmp(what, "plan") == 0) {
        mn_buf b;
        mn_buf_init(&b, 1 << 20);
        bool planned = mn_fs_exists(path("learn.json")) &&
                       mn_fs_read(path("learn.json"), 1 << 20, &b, NULL) == MN_OK &&
                       mn_str_find(mn_buf_str(&b), MN_STR("running"), 0) != SIZE_MAX;
        mn_buf_release(&b);
        return planned;
    }
    if (strcmp(what, "corpus") == 0) {
        snprintf(file, sizeof file, "%s/data/corpus/%s/manifest.json", dir, night);
        return mn_fs_exists(file);
    }
    return mn_fs_exists(path(mn_str_fmt(&ar, "%s/%s", night, what).ptr));
}

/* Runs `mynah learn` until the stage is there, then kills it and whatever it started. False: it ended before. */
static bool kill_at(const char *stage, const char *night)
{
    int status;
    pid_t pid = fork();
    if (pid == 0) {
        setpgid(0, 0);
        setenv("MYNAH_DATA", mn_fs_join(&ar, dir, "data"), 1);
        OK(freopen("/dev/null", "w", stdout) && freopen("/dev/null", "w", stderr));
        execl(program, "mynah", "learn", "--minutes", "600", (char *)NULL);
        _exit(127);
    }
    for (int i = 0; i < 60000; i++) {
        if (waitpid(pid, &status, WNOHANG) == pid) return false;
        if (stage_is_there(stage, night)) break;
        usleep(1000);
    }
    OK(stage_is_there(stage, night));
    kill(pid, SIGKILL);
    waitpid(pid, &status, 0);
    return true;
}

static void killed_in_any_stage_it_ends_as_if_it_had_not_been(void **state)
{
    (void)state;
    static const char *const stages[] = {"plan",
                                         "corpus",
                                         "checkpoints",
                                         "training.json",
                                         "model.safetensors",
                                         "evaluation.json",
                                         "decision.json"};
    something_new(160);
    shell("cp -a %s/data %s/whole", dir, dir);
    OK(mynah("learn --minutes 600 --json") == 0);
    OK(strcmp(text(json(), "outcome"), "promoted") == 0);
    const char *night = text(json(), "model"), *want = weights(night);
    int killed = 0;
    shell("rm -rf %s/data && cp -a %s/whole %s/data", dir, dir, dir);
    for (size_t i = 0; i < sizeof stages / sizeof *stages; i++)
        killed += kill_at(stages[i], night);
    OK(killed >= 4);
    /* the children that were told to stop when their parent died may still be at it */
    for (int i = 0; i < 100; i++) {
        int code = mynah("learn --minutes 600 --json");
        if (code == 0) break;
        OK(strstr(said, "trained already") || strstr(said, "is being built") ||
           strstr(said, "learning already") || strstr(said, "could not"));
        usleep(200000);
    }
    OK(in_use(night) && strcmp(weights(night), want) == 0);
    OK(mynah("learn --status") == 0 && strstr(out, "\"idle\""));
    OK(mynah("model rollback") == 0 && in_use("first"));
}

/* ---- refusals -------------------------------------------------------------------------------------------------------- */

static void set_lease(const char *value)
{
    mn_store *s;
    mn_tx *tx;
    RUN(mn_store_open(mn_str_fmt(&ar, "%s/data/mynah.db", dir).ptr, &s, &e));
    RUN(mn_store_begin(s, &tx, &e));
    RUN(mn_store_end(tx, mn_store_meta_set(tx, "learn_lease", mn_str_from(value), &e), &e));
    mn_store_close(s);
}

static void one_at_a_time(void **state)
{
    (void)state;
    mn_fs_lock lock;
    char lease[100];
    RUN(mn_fs_lock_take(path(".learn.lock"), &lock, &e));
    OK(mynah("learn") == 1 && strstr(said, "learning already"));
    mn_fs_lock_release(&lock);
    snprintf(lease, sizeof lease, "%lld elsewhere:/srv/x", (long long)mn_now_ms() + 60000);
    set_lease(lease);
    OK(mynah("learn") == 1 && strstr(said, "another server on this database"));
    OK(in_use("first"));
    /* of one that died, or of a clock that was wrong by years, nobody waits for long */
    snprintf(lease, sizeof lease, "%lld elsewhere:/srv/x", (long long)mn_now_ms() - 1000);
    set_lease(lease);
    OK(mynah("learn") == 0);
    snprintf(lease, sizeof lease, "%lld elsewhere:/srv/x",
             (long long)mn_now_ms() + 400 * INT64_C(86400000));
    set_lease(lease);
    OK(mynah("learn") == 0);
    set_lease("rubbish");
    OK(mynah("learn") == 0);
}

static void what_cannot_be_learnt_is_said(void **state)
{
    (void)state;
    OK(mynah("learn extra") == 2 && mynah("learn --replay 0.995") == 2);
    OK(mynah("learn") == 0 && strstr(out, "nothing was learnt; 0 posts"));
    /* one post */
    write_posts("one.jsonl", 5000, 1, "2025-09", EVENT);
    import("one.jsonl");
    OK(mynah("learn") == 0 && strstr(out, "1 posts that may be learnt from are new"));
    OK(mynah("learn --min-posts 1 --minutes 0.05 --json") == 0);
    OK(strstr(out, "held-out bits per byte of new posts")); /* not measured */
    /* a post that says nothing */
    shell("printf '{\"id\":\"77\",\"created_at\":\"2025-09-01T10:00:00Z\",\"author\":\"q\","
          "\"text\":\"ok\"}\\n' >%s/ok.jsonl",
          dir);
    OK(mynah("model promote first") == 0);
    import("ok.jsonl");
    mynah("learn --min-posts 1 --minutes 0.05");
    OK(in_use("first") || strstr(out, "in use"));
    /* a model that was not trained here */
    shell("cp -a %s/data/models/first %s/data/models/foreign && rm -r "
          "%s/data/models/foreign/checkpoints",
          dir, dir, dir);
    OK(mynah("model promote foreign") == 0);
    OK(mynah("learn") == 1 && strstr(said, "not trained here"));
    OK(mynah("learn --status") == 0 && strstr(out, "\"failed\""));
    /* none at all */
    shell("rm -rf %s/data/models", dir);
    OK(mynah("learn") == 1 && strstr(said, "no model in use"));
}

static void a_damaged_state_is_begun_anew(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "", "[", "{\"plan\":7}",
        "{\"plan\":{\"model\":\"../x\",\"parent\":\"first\",\"after\":"
        "\"base\",\"steps\":3}}",
        "{\"plan\":{\"model\":\"night-x\",\"parent\":\"gone\",\"after\":\"base\",\"steps\":3}"
        "}"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        RUN(mn_fs_write_atomic(path("learn.json"), bad[i], strlen(bad[i]), &e));
        OK(mynah("learn") == 0 && strstr(out, "nothing was learnt"));
    }
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up_copy, tear_down)
int main(int argc, char **argv)
{
    (void)argc;
    program_find(argv[0]);
    const struct CMUnitTest tests[] = {
        CASE(what_is_new_is_learnt_and_spoken_of_in_its_month),
        CASE(a_model_that_got_worse_is_not_put_into_use),
        CASE(what_goes_on_from_a_model_that_forgot_is_trained_again),
        CASE(where_much_is_learnt_canaries_tell_what_is_remembered),
        CASE(old_nights_keep_what_forgetting_takes),
        CASE(what_others_were_made_from_stays),
        CASE(killed_in_any_stage_it_ends_as_if_it_had_not_been),
        CASE(one_at_a_time),
        CASE(what_cannot_be_learnt_is_said),
        CASE(a_damaged_state_is_begun_anew),
    };
    return cmocka_run_group_tests(tests, make_base, remove_base);
}
