/* The card's text: what the model is, what it learnt from and how, how good it is, what it remembers, writes and forgot, and what it is not good for. */
#include <float.h>
#include <stdio.h>
#include <string.h>

#include "model/card_int.h"

#define ROWS 12 /* of a long table */

static const mn_json *part(const mn_json *o, const char *a, const char *b)
{
    return mn_json_get(mn_json_get(o, a), b);
}

/* ---- rows ------------------------------------------------------------------------------------------------------------------ */

static void row(mn_buf *b, const char *what, mn_str v)
{
    if (!v.len) return;
    mn_buf_addf(b, "| %s | ", what);
    mn_card__text(b, v);
    mn_buf_addz(b, " |\n");
}

static void row_count(mn_buf *b, const char *what, const mn_json *v)
{
    if (!v || v->type != MN_JSON_NUMBER) return;
    mn_buf_addf(b, "| %s | ", what);
    mn_card__count(b, mn_json_u64(v, 0));
    mn_buf_addz(b, " |\n");
}

static void row_number(mn_buf *b, const char *what, const mn_json *o, const char *key,
                       int decimals)
{
    double x;
    if (mn_card__number(o, key, -1e12, 1e12, &x))
        mn_buf_addf(b, "| %s | %.*f |\n", what, decimals, x);
}

static void table(mn_buf *b)
{
    mn_buf_addz(b, "\n| | |\n| --- | --- |\n");
}

static uint64_t count(const mn_json *o, const char *key)
{
    return mn_json_u64(mn_json_get(o, key), 0);
}

/* ---- what it is ------------------------------------------------------------------------------------------------------------ */

static void put_kind(const mn_card *c, mn_buf *b)
{
    const mn_str from = mn_json_str(mn_json_get(c->training, "tuned_from"));
    if (mn_json_get(c->origin, "continued_from"))
        mn_buf_addz(b, "A language model that learns on from another one, from the posts of a "
                       "community whose authors allowed it.\n");
    else if (c->training && !from.len)
        mn_buf_addz(b, "A small language model of social posts, of LLaMA's architecture, "
                       "trained from the posts of a community whose authors allowed it.\n");
    else if (from.len || mn_json_get(c->origin, "tuned_from"))
        mn_buf_addz(b, "A language model that was tuned from another one.\n");
    else mn_buf_addz(b, "A language model that was brought in from elsewhere.\n");
}

static void put_facts(const mn_card *c, mn_buf *b)
{
    table(b);
    if (c->has_cfg) {
        mn_buf_addz(b, "| parameters | ");
        mn_card__count(b, mn_config_params(&c->cfg));
        mn_buf_addf(
            b,
            " |\n| layers, width | %u, %u |\n| context | %u tokens |\n| vocabulary | %u "
            "tokens |\n",
            c->cfg.L, c->cfg.C, c->cfg.T, c->cfg.V);
    }
    row(b, "licence", c->licence.len ? c->licence : MN_STR("not given; ask who runs it"));
    row(b, "comes from", c->source);
    row(b, "author of what it comes from", c->author);
    row(b, "tuned from", mn_json_str(mn_json_get(c->origin, "tuned_from")));
    row(b, "goes on from", mn_json_str(mn_json_get(c->origin, "continued_from")));
    row(b, "how", mn_json_str(mn_json_get(c->origin, "how")));
    row(b, "SHA-256 of what was brought in", mn_json_str(mn_json_get(c->origin, "sha256")));
}

/* ---- what it learnt from ---------------------------------------------------------------------------------------------------- */

/* The largest counts of an object, at most ROWS. */
static size_t largest(const mn_json *o, size_t ret[ROWS])
{
    size_t n = 0;
    for (size_t i = 0; o && o->type == MN_JSON_OBJECT && i < o->n; i++) {
        const uint64_t v = mn_json_u64(o->items[i], 0);
        size_t at = n < ROWS ? n++ : ROWS;
        for (; at > 0 && mn_json_u64(o->items[ret[at - 1]], 0) < v; at--)
            if (at < ROWS) ret[at] = ret[at - 1];
        if (at < ROWS) ret[at] = i;
    }
    return n;
}

static void put_counts(mn_buf *b, const char *title, const mn_json *o)
{
    size_t at[ROWS];
    const size_t n = largest(o, at);
    if (!n) return;
    mn_buf_addf(b, "\n| %s | posts |\n| --- | ---: |\n", title);
    for (size_t k = 0; k < n; k++) {
        mn_buf_addz(b, "| ");
        mn_card__text(b, o->keys[at[k]]);
        mn_buf_addz(b, " | ");
        mn_card__count(b, mn_json_u64(o->items[at[k]], 0));
        mn_buf_addz(b, " |\n");
    }
    if (o->n > n) mn_buf_addf(b, "\n%zu more are not shown.\n", o->n - n);
}

/* The months of the posts, "2011-01 to 2011-02". */
static void put_months(mn_buf *b, const mn_json *months)
{
    mn_str first = MN_STR_NONE, last = MN_STR_NONE;
    for (size_t i = 0; months && months->type == MN_JSON_OBJECT && i < months->n; i++) {
        if (!first.ptr || mn_str_cmp(months->keys[i], first) < 0) first = months->keys[i];
        if (!last.ptr || mn_str_cmp(months->keys[i], last) > 0) last = months->keys[i];
    }
    if (!first.ptr) return;
    mn_buf_addz(b, "| months | ");
    mn_card__text(b, first);
    mn_buf_addz(b, " to ");
    mn_card__text(b, last);
    mn_buf_addz(b, " |\n");
}

static void put_manifest(const mn_json *m, mn_buf *b)
{
    row_count(b, "consent ledger, read up to line", part(m, "source", "ledger_seq"));
    row_count(b, "posts read", mn_json_get(m, "posts_in"));
    row_count(b, "posts kept", mn_json_get(m, "posts_kept"));
    row_count(b, "authors", part(m, "authors", "count"));
    row_count(b, "documents held out", part(m, "val", "documents"));
    row_count(b, "bytes of text", mn_json_get(m, "bytes"));
    row_count(b, "tokens", mn_json_get(m, "tokens"));
    put_months(b, mn_json_get(m, "months"));
    put_counts(b, "language", mn_json_get(m, "languages"));
    put_counts(b, "licence", mn_json_get(m, "licences"));
    put_counts(b, "left out because of", mn_json_get(m, "dropped"));
}

static void put_corpus(const mn_card *c, mn_buf *b)
{
    const mn_json *t = c->training;
    const mn_str corpus = mn_json_str(mn_json_get(t, "corpus"));
    mn_buf_addz(b, "\n## What it learnt from\n");
    if (!corpus.len) {
        table(b);
        row(b, "data", mn_json_str(mn_json_get(t ? t : c->origin, "data")));
        row(b, "data, SHA-256", mn_json_str(mn_json_get(t ? t : c->origin, "data_sha256")));
        row_count(b, "examples", mn_json_get(t, "train_examples"));
        row_count(b, "examples held out", mn_json_get(t, "held_out_examples"));
        return;
    }
    mn_buf_addz(
        b, "\nPublic posts whose authors allow that a model learns from them "
           "(`train_generative`; without a word of theirs nothing is taken), cleaned: handles, "
           "addresses and numbers of people were replaced by placeholders, copies left out. "
           "The posts are their authors'.\n");
    table(b);
    row(b, "corpus", corpus);
    row(b, "corpus, SHA-256", mn_json_str(mn_json_get(t, "corpus_sha256")));
    row_count(b, "documents that it does not learn from any more", mn_json_get(t, "masked"));
    if (c->manifest) put_manifest(c->manifest, b);
    else mn_buf_addz(b, "\nThe corpus itself is not at hand where this was written.\n");
}

/* ---- how ------------------------------------------------------------------------------------------------------------------- */

static void put_recipe(const mn_card *c, mn_buf *b)
{
    const mn_json *t = c->training;
    mn_buf_addz(b, "\n## How it learnt\n");
    table(b);
    row(b, "state", mn_json_str(mn_json_get(t, "state")));
    row(b, "size", mn_json_str(mn_json_get(t, "preset")));
    row(b, "optimiser", mn_json_str(mn_json_get(t, "optimiser")));
    row_number(b, "weight decay", t, "decay", 3);
    row_number(b, "share of the run in which the rate falls", t, "fall", 3);
    row(b, "products", mn_json_str(mn_json_get(t, "dtype")));
    row_count(b, "seed", mn_json_get(t, "seed"));
    row_count(b, "steps", mn_json_get(t, "steps"));
    row_count(b, "tokens seen", mn_json_get(t, "tokens"));
    row_number(b, "seconds", t, "seconds", 0);
    row_number(b, "rank of the adapter", t, "rank", 0);
    row_number(b, "alpha", t, "alpha", 2);
    row(b, "matrices", mn_json_str(mn_json_get(t, "targets")));
    row(b, "checkpoint, SHA-256", mn_json_str(mn_json_get(t, "checkpoint_sha256")));
}

/* ---- how good -------------------------------------------------------------------------------------------------------------- */

static void put_group(mn_buf *b, const mn_json *g, const char *key)
{
    double x;
    if (!mn_card__number(g, "bits_per_byte", 0, 1000, &x)) return;
    const mn_str name = mn_json_str(mn_json_get(g, key));
    mn_buf_addz(b, "| ");
    if (mn_json_bool(mn_json_get(g, "others"), false)) mn_buf_addz(b, "others");
    else mn_card__text(b, name.len ? name : MN_STR("not known"));
    mn_buf_addf(b, " | %.4f | ", x);
    mn_card__count(b, count(g, "posts"));
    mn_buf_addz(b, " | ");
    mn_card__count(b, count(g, "bytes"));
    mn_buf_addz(b, " |\n");
}

static void put_held_out(const mn_card *c, mn_buf *b)
{
    const mn_json *h = mn_card_result(c, "held_out", NULL), *l = mn_json_get(h, "languages"),
                  *m = mn_json_get(h, "months");
    double x;
    mn_buf_addz(b,
                "\nBits per byte of text of posts that it has not seen; lower is better, and "
                "it compares between models of any tokenizer.\n\n"
                "| | bits per byte | posts | bytes |\n| --- | ---: | ---: | ---: |\n");
    if (mn_card__number(c->training, "xz_bits_per_byte", 0, 1000, &x))
        mn_buf_addf(b, "| a compressor (xz -9e) | %.4f | | |\n", x);
    if (mn_card__number(c->training, "val_bits_per_byte", 0, 1000, &x))
        mn_buf_addf(b, "| at the end of training | %.4f | | |\n", x);
    if (!h) return;
    mn_buf_addz(b, "| **all held-out posts** | ");
    if (mn_card__number(h, "bits_per_byte", 0, 1000, &x)) mn_buf_addf(b, "%.4f", x);
    mn_buf_addz(b, " | ");
    mn_card__count(b, count(h, "posts"));
    mn_buf_addz(b, " | ");
    mn_card__count(b, count(h, "bytes"));
    mn_buf_addz(b, " |\n");
    for (size_t i = 0; mn_json_at(l, i) && i < ROWS; i++)
        put_group(b, mn_json_at(l, i), "lang");
    for (size_t i = m && m->n > ROWS ? m->n - ROWS : 0; mn_json_at(m, i); i++)
        put_group(b, mn_json_at(m, i), "month");
}

static void put_tweets(const mn_json *t, const char *title, mn_buf *b)
{
    double score, right;
    if (!t || t->type != MN_JSON_OBJECT || !t->n) return;
    mn_buf_addf(b,
                "\n%s\n\n| task | measure | score | right | learnt from |\n"
                "| --- | --- | ---: | ---: | ---: |\n",
                title);
    for (size_t i = 0; i < t->n && i < 50; i++) {
        const mn_json *k = t->items[i];
        if (!mn_card__number(k, "score", 0, 1, &score) ||
            !mn_card__number(k, "accuracy", 0, 1, &right))
            continue;
        mn_buf_addz(b, "| ");
        mn_card__text(b, t->keys[i]);
        mn_buf_addz(b, " | ");
        mn_card__text(b, mn_json_str(mn_json_get(k, "measure")));
        mn_buf_addf(b, " | %.1f | %.1f %% | ", 100 * score, 100 * right);
        mn_card__count(b, mn_json_get(k, "shots") ? count(k, "shots") : count(k, "train"));
        mn_buf_addz(b, " |\n");
    }
}

static void put_evaluation(const mn_card *c, mn_buf *b)
{
    double x;
    const bool bits = mn_card_result(c, "held_out", NULL) ||
                      mn_card__number(c->training, "val_bits_per_byte", 0, 1000, &x);
    mn_buf_addz(b, "\n## How good it is\n");
    if (bits) put_held_out(c, b);
    put_tweets(
        mn_card_result(c, "tweeteval", NULL),
        "TweetEval, fine-tuned, on the validation split (published figures of others are "
        "of the test split):",
        b);
    put_tweets(mn_card_result(c, "tweeteval_few_shot", NULL),
               "TweetEval with examples in the prompt:", b);
    if (!bits && !mn_card_result(c, "tweeteval", NULL) &&
        !mn_card_result(c, "tweeteval_few_shot", NULL))
        mn_buf_addz(b, "\nNot measured.\n");
}

/* ---- what it remembers and writes ------------------------------------------------------------------------------------------- */

static void put_exposure(const mn_json *x, mn_buf *b)
{
    const mn_json *r = mn_json_get(x, "repetitions"), *g;
    double z, mean, most;
    mn_buf_addz(b,
                "\nSentences that nobody wrote were planted among its posts. Their exposure is "
                "how far they stand out among a thousand that it never saw: 1.44 bits by "
                "chance, 9.97 at most.\n\n"
                "| copies | sentences | mean exposure | highest |\n"
                "| ---: | ---: | ---: | ---: |\n");
    for (size_t i = 0; (g = mn_json_at(r, i)) && i < ROWS; i++) {
        if (!mn_card__number(g, "exposure", -100, 100, &mean) ||
            !mn_card__number(g, "highest", -100, 100, &most))
            continue;
        mn_buf_addf(b, "| %llu | %llu | %.2f | %.2f |\n",
                    (unsigned long long)count(g, "copies"),
                    (unsigned long long)count(g, "canaries"), mean, most);
    }
    if (mn_card__number(x, "rank_sum_z", -1e6, 1e6, &z))
        mn_buf_addf(b, "\nAll of them together: %.2f standard deviations from chance (%s).\n",
                    z, z < -1.96 ? "learnt" : "within ±1.96: not told from chance");
}

static void put_extraction(const mn_json *x, const char *name, const char *title, mn_buf *b)
{
    const mn_json *s = mn_json_get(x, name);
    if (!s) return;
    mn_buf_addf(
        b, "| %s | %llu of %llu | %llu of %llu | %llu |\n", title,
        (unsigned long long)count(s, "extracted"), (unsigned long long)count(s, "asked"),
        (unsigned long long)count(s, "extracted_short"),
        (unsigned long long)count(s, "asked_short"), (unsigned long long)count(s, "longest"));
}

static void put_memory(const mn_card *c, mn_buf *b)
{
    const mn_json *m = mn_card_result(c, "memorisation", NULL);
    const mn_json *x = mn_json_get(m, "exposure"), *said = mn_json_get(m, "extraction");
    mn_buf_addz(b, "\n## What it remembers\n");
    if (x && x->type == MN_JSON_OBJECT) put_exposure(x, b);
    if (said) {
        mn_buf_addf(
            b,
            "\nAfter the first %llu tokens of a document, said word for word:\n\n"
            "| documents | the next %llu tokens | to the document's end | longest, tokens "
            "|\n| --- | ---: | ---: | ---: |\n",
            (unsigned long long)count(said, "prompt_tokens"),
            (unsigned long long)count(said, "continuation_tokens"));
        put_extraction(said, "train", "learnt from", b);
        put_extraction(said, "held_out", "held out", b);
    }
    if (!m) mn_buf_addz(b, "\nNot measured.\n");
}

static void put_share(const mn_json *s, const char *what, const char *of, mn_buf *b)
{
    double rate, low, high;
    if (!mn_card__number(s, "rate", 0, 1, &rate) || !mn_card__number(s, "low", 0, 1, &low) ||
        !mn_card__number(s, "high", 0, 1, &high))
        return;
    mn_buf_addf(b, "| %s | %.2f %% | %.2f to %.2f | %llu of %llu |\n", what, 100 * rate,
                100 * low, 100 * high, (unsigned long long)count(s, "flagged"),
                (unsigned long long)count(s, of));
}

static void put_toxicity(const mn_card *c, mn_buf *b)
{
    const mn_json *t = mn_card_result(c, "toxicity", NULL);
    double f1;
    mn_buf_addz(b, "\n## What it writes when nothing is asked of it\n");
    if (!t) {
        mn_buf_addz(b, "\nHow much of that is offensive was not measured.\n");
        return;
    }
    mn_buf_addz(b, "\n| judged offensive | share | where it lies, 19 times in 20 | texts |\n"
                   "| --- | ---: | ---: | ---: |\n");
    put_share(t, "what the model writes", "samples", b);
    put_share(mn_json_get(t, "baseline"), "what people wrote, held out", "posts", b);
    if (mn_card__number(t, "classifier_f1", 0, 1, &f1))
        mn_buf_addf(b,
                    "\nJudged by a small classifier that errs (macro F1 %.1f on tweets that it "
                    "did not learn from): the two compare, neither is the truth.\n",
                    100 * f1);
}

/* ---- what it forgot, and limits ---------------------------------------------------------------------------------------------- */

static void put_forgotten(const mn_card *c, mn_buf *b)
{
    mn_buf_addz(b, "\n## What it forgot\n");
    if (!c->n_forgotten) {
        mn_buf_addz(b,
                    c->training && mn_json_get(c->training, "corpus")
                        ? "\nNothing so far. What an author takes back is forgotten exactly: "
                          "the model is then, to the bit, what training without it gives.\n"
                        : "\nNothing that is known here.\n");
        return;
    }
    mn_buf_addz(b, "\nIt is, to the bit, what training without these gives. The accounts are "
                   "signed, in `forgotten`.\n\n| finished | documents | steps repeated | of |\n"
                   "| --- | ---: | ---: | ---: |\n");
    for (size_t i = 0; i < c->n_forgotten; i++) {
        const mn_json *f = c->forgotten[i];
        mn_buf_addz(b, "| ");
        mn_card__text(b, mn_json_str(mn_json_get(f, "finished")));
        mn_buf_addf(b, " | %llu | %llu | %llu |\n", (unsigned long long)count(f, "documents"),
                    (unsigned long long)count(f, "steps_repeated"),
                    (unsigned long long)count(f, "step"));
    }
}

static void put_limits(const mn_card *c, mn_buf *b)
{
    const mn_json *t = c->training;
    mn_buf_addz(b,
                "\n## What it is not good for\n\n"
                "- Its texts are generated. What they say of the world and of people may be "
                "wrong; nothing in them is information.\n"
                "- It writes as those wrote whom it learnt from, with their prejudice, and may "
                "offend.\n");
    if (t && mn_json_get(t, "corpus") && mn_json_str(mn_json_get(t, "corpus")).len)
        mn_buf_addz(b, "- It knows the languages and months above and little else.\n"
                       "- Copies of its weights that were made before it forgot something have "
                       "not forgotten it.\n");
    else
        mn_buf_addz(b,
                    "- What it learnt from before it came here is not known here, and cannot "
                    "be forgotten here.\n");
    mn_buf_addz(b,
                "- The figures above are of the kinds of posts that they were measured on.\n");
}

void mn_card__body(const mn_card *c, mn_buf *b)
{
    mn_buf_addz(b, "# ");
    mn_card__text(b, c->name);
    mn_buf_addz(b, "\n\n");
    put_kind(c, b);
    if (mn_card_stale(c))
        mn_buf_addz(b,
                    "\nIt has learnt or forgotten something since it was last evaluated; what "
                    "was measured before is left out.\n");
    if (c->damaged) mn_buf_addf(b, "\nThis card is not whole: `%s` is damaged.\n", c->damaged);
    put_facts(c, b);
    if (c->training || mn_json_get(c->origin, "data")) put_corpus(c, b);
    if (c->training) put_recipe(c, b);
    put_evaluation(c, b);
    put_memory(c, b);
    put_toxicity(c, b);
    put_forgotten(c, b);
    put_limits(c, b);
}
