#include "model/tweeteval.h"

#include <stdio.h>
#include <string.h>

#include "base/fs.h"
#include "model/scores.h"

#define FILE_MAX   (256u << 20)
#define TWEETS_MAX 1000000u
#define TWEET_MAX  65536u

static const char *const targets[] = {"abortion", "atheism", "climate",
                                      "feminist", "hillary", NULL};
static const char *const emotions[] = {"anger", "joy", "optimism", "sadness"};
static const char *const hates[] = {"no", "yes"};
static const char *const feelings[] = {"negative", "neutral", "positive"};
static const char *const stances[] = {"none", "against", "favor"};
static const char *const emoji[] = {"❤", "😍",  "😂", "💕", "🔥", "😊", "😎", "✨", "💙",    "😘",
                                    "📷", "🇺🇸", "☀", "💜", "😉", "💯", "😁", "🎄", "📸", "😜"};

const mn_tweet_task mn_tweet_tasks[MN_TWEET_TASKS] = {
    {"emoji", NULL, 20, MN_TWEET_MACRO_F1, emoji, "Emoji", 25.8, 24.7, 30.9, 33.4},
    {"emotion", NULL, 4, MN_TWEET_MACRO_F1, emotions, "Emotion", 65.2, 66.0, 76.1, 79.3},
    {"hate", NULL, 2, MN_TWEET_MACRO_F1, hates, "Hateful", 50.6, 52.6, 46.6, 56.4},
    {"irony", NULL, 2, MN_TWEET_F1_OF_ONE, hates, "Ironic", 63.1, 62.8, 59.7, 82.1},
    {"offensive", NULL, 2, MN_TWEET_MACRO_F1, hates, "Offensive", 73.4, 71.7, 79.5, 79.5},
    {"sentiment", NULL, 3, MN_TWEET_MACRO_RECALL, feelings, "Sentiment", 62.9, 58.3, 71.3,
     73.4},
    {"stance", targets, 3, MN_TWEET_F1_OF_STANCE, stances, "Stance", 65.4, 59.4, 68.0, 71.2},
};
const char *const mn_tweet_measure_names[4] = {"macro_f1", "macro_recall", "f1_irony",
                                               "f1_against_favor"};

const mn_tweet_task *mn_tweet_task_find(const char *name)
{
    for (size_t i = 0; i < MN_TWEET_TASKS; i++)
        if (strcmp(mn_tweet_tasks[i].name, name) == 0) return &mn_tweet_tasks[i];
    return NULL;
}

double mn_tweet_score(const mn_tweet_task *t, const uint8_t *gold, const uint8_t *said,
                      size_t n)
{
    switch (t->measure) {
    case MN_TWEET_MACRO_RECALL:
        return mn_score_macro_recall(gold, said, n, t->n_labels);
    case MN_TWEET_F1_OF_ONE:
        return mn_score_f1(gold, said, n, 1);
    case MN_TWEET_F1_OF_STANCE:
        return (mn_score_f1(gold, said, n, 1) + mn_score_f1(gold, said, n, 2)) / 2;
    default:
        return mn_score_macro_f1(gold, said, n, t->n_labels);
    }
}

/* ---- files --------------------------------------------------------------------------------------------------------------- */

static size_t count_lines(mn_str s)
{
    size_t n = s.len && s.ptr[s.len - 1] != '\n';
    for (size_t i = 0; i < s.len; i++) n += s.ptr[i] == '\n';
    return n;
}

static mn_rc read_label(mn_str line, uint8_t n_labels, size_t number, uint8_t *ret, mn_err *e)
{
    uint64_t v;
    if (mn_str_to_u64(mn_str_trim(line), &v) != MN_OK || v >= n_labels)
        return mn_fail(e, MN_E_PARSE, "line %zu of the labels is no number below %u", number,
                       n_labels);
    *ret = (uint8_t)v;
    return MN_OK;
}

static mn_rc read_tweet(mn_str line, size_t number, mn_arena *a, mn_str *ret, mn_err *e)
{
    mn_str text = mn_str_trim(line);
    if (text.len > TWEET_MAX)
        return mn_fail(e, MN_E_LIMIT, "line %zu of the texts is longer than 64 KiB", number);
    if (!mn_utf8_valid(text))
        return mn_fail(e, MN_E_PARSE, "line %zu of the texts is not UTF-8", number);
    *ret = mn_str_dup(a, text.len ? text : MN_STR("."));
    return ret->ptr ? MN_OK : mn_fail(e, MN_E_NOMEM, "no memory for tweets");
}

mn_rc mn_tweets_parse(mn_str texts, mn_str labels, uint8_t n_labels, mn_arena *a,
                      mn_tweets *ret, mn_err *e)
{
    mn_tweets t = {.n = count_lines(texts)};
    if (t.n != count_lines(labels) || !t.n)
        return mn_fail(e, MN_E_PARSE, "%zu tweets and %zu labels: expected as many, and some",
                       t.n, count_lines(labels));
    if (t.n > TWEETS_MAX) return mn_fail(e, MN_E_LIMIT, "more than %u tweets", TWEETS_MAX);
    t.texts = mn_arena_calloc(a, t.n, sizeof *t.texts);
    t.labels = mn_arena_calloc(a, t.n, sizeof *t.labels);
    if (!t.texts || !t.labels) return mn_fail(e, MN_E_NOMEM, "no memory for tweets");
    for (size_t i = 0; i < t.n; i++) {
        MN_TRY(read_tweet(mn_str_split(texts, '\n', &texts), i + 1, a, &t.texts[i], e));
        MN_TRY(
            read_label(mn_str_split(labels, '\n', &labels), n_labels, i + 1, &t.labels[i], e));
    }
    *ret = t;
    return MN_OK;
}

static mn_rc read_whole(const char *stem, const char *end, mn_buf *ret, mn_err *e)
{
    char path[4096];
    if (snprintf(path, sizeof path, "%s_%s.txt", stem, end) >= (int)sizeof path)
        return mn_fail(e, MN_E_LIMIT, "path '%.100s…' is too long", stem);
    return mn_fs_read(path, FILE_MAX, ret, e);
}

mn_rc mn_tweets_read(const char *dir, const mn_tweet_task *t, const char *part,
                     const char *split, mn_arena *a, mn_tweets *ret, mn_err *e)
{
    mn_buf texts, labels;
    mn_str stem =
        mn_str_fmt(a, "%s/%s%s%s/%s", dir, t->name, part ? "/" : "", part ? part : "", split);
    if (!stem.ptr) return mn_fail(e, MN_E_NOMEM, "no memory for tweets");
    mn_buf_init(&texts, FILE_MAX), mn_buf_init(&labels, FILE_MAX);
    mn_rc rc = read_whole(stem.ptr, "text", &texts, e);
    if (rc == MN_OK) rc = read_whole(stem.ptr, "labels", &labels, e);
    if (rc == MN_OK) {
        rc = mn_tweets_parse(mn_buf_str(&texts), mn_buf_str(&labels), t->n_labels, a, ret, e);
        if (rc != MN_OK) mn_err_wrap(e, "'%s_*.txt'", stem.ptr);
    }
    mn_buf_release(&texts), mn_buf_release(&labels);
    return rc;
}

void mn_tweets_thin(mn_tweets *t, size_t most)
{
    if (!most || t->n <= most) return;
    for (size_t i = 0; i < most; i++) {
        const size_t from = (size_t)((uint64_t)i * t->n / most);
        t->texts[i] = t->texts[from], t->labels[i] = t->labels[from];
    }
    t->n = most;
}
