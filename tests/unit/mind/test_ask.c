/* Answers: made of posts, cited, or declined. */
#include "fixture.h"

#include "mind/ask_int.h"
#include "model/weights.h"

static void allow_quoting(fixture *f)
{
    mn_err e = {0};
    RUN(mn_social_consent_set(f->store, MN_SCOPE_SERVER, 0, MN_P_INFERENCE_INPUT,
                              MN_CONSENT_ALLOW, 0, MN_STR(""), &e));
}

/* Some community: topics, copies, one who does not want to be quoted. */
static void community(fixture *f)
{
    mn_err e = {0};
    fixture_start(f);
    allow_quoting(f);
    fixture_post(f, 10, 1,
                 "The harbour bridge is closed. Repairs take until Friday, says the city. "
                 "Bring a boat!");
    fixture_post(f, 11, 2,
                 "RT @member1: The harbour bridge is closed. Repairs take until Friday, says "
                 "the city. Bring a boat!");
    fixture_post(
        f, 12, 3,
        "Harbour bridge closed for repairs until Friday, the city says; I take a boat.");
    fixture_post(f, 13, 4, "My cat has learnt to open the fridge");
    fixture_post(f, 14, 5, "The harbour master keeps bees on his roof");
    fixture_post(f, 15, 6, "Secret: the lighthouse keeper brews cider");
    RUN(mn_social_consent_set(f->store, MN_SCOPE_ACCOUNT, 6, MN_P_INFERENCE_INPUT,
                              MN_CONSENT_DENY, 6, MN_STR(""), &e));
    for (uint64_t i = 0; i < 40; i++) {
        char text[80];
        snprintf(text, sizeof text, "ordinary talk of day %llu, tea and buns number %llu",
                 (unsigned long long)i, (unsigned long long)(i * 7 % 13));
        fixture_post(f, 100 + i, 7 + i % 5, text);
    }
    fixture_update(f);
}

/* Every line is a post's own words, cited by ids that are in posts. */
static void check_answer(fixture *f, const mn_answer *r)
{
    mn_err e = {0};
    mn_arena a;
    mn_arena_init(&a, 0);
    OK(r->found == (r->n_lines > 0));
    for (size_t i = 0; i < r->n_lines; i++) {
        mn_post p;
        OK(r->lines[i].n_citations >= 1 && r->lines[i].n_citations <= MN_ASK_CITATIONS_MAX);
        RUN(mn_store_post(f->store, r->lines[i].citations[0], &a, &p, &e));
        OK(r->lines[i].text.len > 0);
        OK(mn_str_find(p.text, r->lines[i].text, 0) != SIZE_MAX);
        for (size_t c = 0; c < r->lines[i].n_citations; c++) {
            size_t listed = 0;
            for (size_t k = 0; k < r->posts.n; k++)
                listed += r->posts.items[k].id == r->lines[i].citations[c];
            OK(listed == 1);
        }
    }
    mn_arena_release(&a);
}

static void ask(fixture *f, const char *question, mn_arena *a, mn_answer *ret)
{
    mn_err e = {0};
    mn_ask_opts o = {0};
    mn_arena_init(a, 0);
    RUN(mn_ask(f->search, f->store, mn_str_from(question), &o, a, ret, &e));
    check_answer(f, ret);
}

static void an_answer_quotes_the_earliest_and_cites_who_says_the_same(void **state)
{
    (void)state;
    fixture f;
    mn_arena a;
    mn_answer r;
    community(&f);
    ask(&f, "Is the harbour bridge closed for repairs?", &a, &r);
    OK(r.found && r.n_lines >= 1);
    IS(r.lines[0].text,
       "The harbour bridge is closed. Repairs take until Friday, says the city.");
    OK(r.lines[0].citations[0] == 10 && r.lines[0].n_citations == 3);
    OK(r.lines[0].n_posts == 3 && r.lines[0].n_accounts == 3 && !r.lines[0].unconfirmed);
    OK(r.lines[0].first_ms == 10000 && !r.lines[0].generated);
    mn_arena_release(&a);
    ask(&f, "what about the cat and the fridge", &a, &r);
    OK(r.found && r.n_lines == 1 && r.lines[0].citations[0] == 13);
    OK(r.lines[0].unconfirmed && r.lines[0].n_accounts == 1);
    OK(r.posts.n == 1 && r.withheld == 0);
    mn_arena_release(&a);
    fixture_finish(&f);
}

static void what_nobody_speaks_of_is_declined(void **state)
{
    (void)state;
    static const char *const questions[] = {"Who painted the ceiling of the Sistine chapel?",
                                            "harbour festival of quantum ballet",
                                            "",
                                            "???",
                                            "what do people say about it",
                                            "is the the of",
                                            "\xFF\xFE",
                                            "bridge loans in Luxembourg banking"};
    fixture f;
    mn_arena a;
    mn_answer r;
    community(&f);
    for (size_t i = 0; i < sizeof questions / sizeof *questions; i++) {
        ask(&f, questions[i], &a, &r);
        if (r.found)
            fail_msg("'%s' was answered with '%.*s'", questions[i],
                     MN_STR_FMT(r.lines[0].text));
        OK(r.n_lines == 0 && r.posts.n == 0 && r.withheld == 0);
        mn_arena_release(&a);
    }
    fixture_finish(&f);
}

static void who_has_not_allowed_quoting_is_counted_and_not_quoted(void **state)
{
    (void)state;
    fixture f;
    mn_arena a;
    mn_answer r;
    mn_err e = {0};
    community(&f);
    ask(&f, "lighthouse keeper cider", &a, &r);
    OK(!r.found && r.withheld == 1 && r.posts.n == 0);
    mn_arena_release(&a);
    /* nobody was asked: the default of the purpose is no */
    RUN(mn_social_consent_set(f.store, MN_SCOPE_SERVER, 0, MN_P_INFERENCE_INPUT,
                              MN_CONSENT_UNSET, 0, MN_STR(""), &e));
    ask(&f, "Is the harbour bridge closed for repairs?", &a, &r);
    OK(!r.found && r.withheld >= 2);
    mn_arena_release(&a);
    fixture_finish(&f);
}

static void a_post_deleted_since_the_index_was_made_is_not_quoted(void **state)
{
    (void)state;
    fixture f;
    mn_arena a;
    mn_answer r;
    mn_err e = {0};
    mn_tx *tx;
    community(&f);
    RUN(mn_store_begin(f.store, &tx, &e));
    RUN(mn_store_post_delete(tx, 13, 99, &e));
    RUN(mn_store_commit(tx, &e));
    ask(&f, "the cat and the fridge", &a, &r);
    OK(!r.found);
    mn_arena_release(&a);
    fixture_finish(&f);
}

static void the_language_of_the_question_goes_first(void **state)
{
    (void)state;
    fixture f;
    mn_arena a;
    mn_answer r;
    fixture_start(&f);
    allow_quoting(&f);
    fixture_post(&f, 10, 1, "Computer sagen niemandem die Wahrheit, und das wissen wir alle.");
    fixture_post(&f, 11, 2,
                 "The computer is a machine that nobody in this house has understood.");
    fixture_post(&f, 12, 3,
                 "I computer sono macchine che nessuno in questa casa ha mai capito.");
    fixture_post(&f, 13, 4, "Nobody speaks of anything else in the harbour these days.");
    fixture_update(&f);
    ask(&f, "Che cos'\xC3\xA8 un computer?", &a, &r);
    OK(r.found && r.lines[0].citations[0] == 12 && r.n_lines == 3);
    mn_arena_release(&a);
    ask(&f, "Warum sagen uns die Computer nicht die Wahrheit?", &a, &r);
    OK(r.found && r.n_lines == 1 &&
       r.lines[0].citations[0] == 10); /* topics: Computer, Wahrheit */
    mn_arena_release(&a);
    ask(&f, "What is a computer?", &a, &r);
    OK(r.found && r.lines[0].citations[0] == 11);
    mn_arena_release(&a);
    fixture_finish(&f);
}

/* What an undo does before the index hears of it. */
static void posts_of_an_undone_import_are_never_given_out(void **state)
{
    (void)state;
    fixture f;
    mn_arena a;
    mn_answer r;
    mn_err e = {0};
    mn_tx *tx;
    uint64_t import;
    bool left = true;
    fixture_start(&f);
    allow_quoting(&f);
    RUN(mn_store_begin(f.store, &tx, &e));
    RUN(mn_store_import_begin(tx, MN_STR("archive"), MN_STR("jsonl"), &import, &e));
    RUN(mn_store_commit(tx, &e));
    fixture_post(&f, 10, 1, "The ferry to the island runs at noon.");
    fixture_post_as(&f, &(mn_post){.id = 11,
                                   .account_id = 2,
                                   .created_ms = 11000,
                                   .import_id = import,
                                   .text = MN_STR("The ferry to the island has sunk.")});
    fixture_update(&f);
    FINDS(f.search, "ferry", "11 10");
    RUN(mn_store_begin(f.store, &tx, &e));
    while (left) RUN(mn_store_import_undo(tx, import, 100, &left, &e));
    RUN(mn_store_commit(tx, &e));
    FINDS(f.search, "ferry", "10"); /* the index still holds it */
    OK(mn_search_count(f.search) == 2);
    ask(&f, "ferry to the island", &a, &r);
    OK(r.found && r.n_lines == 1 && r.lines[0].citations[0] == 10 && r.posts.n == 1);
    mn_arena_release(&a);
    fixture_update(&f);
    FINDS(f.search, "ferry", "10");
    OK(mn_search_count(f.search) == 1);
    fixture_finish(&f);
}

static void words_quoted_once_are_not_quoted_again(void **state)
{
    (void)state;
    fixture f;
    mn_arena a;
    mn_answer r;
    fixture_start(&f);
    allow_quoting(&f);
    fixture_post(&f, 10, 1, "Send tea, buns and butter to the old lighthouse.");
    fixture_post(
        &f, 11, 2,
        "What the keeper sang all winter long, while storms broke windows: nobody came. "
        "Send tea, buns, butter to our old lighthouse! Boats never sailed that month.");
    fixture_post(&f, 12, 3,
                 "They say \"the lighthouse sells butter. And buns.\" Tea costs extra.");
    fixture_update(&f);
    ask(&f, "send butter to the lighthouse", &a, &r);
    OK(r.found && r.n_lines >= 1);
    for (size_t i = 1; i < r.n_lines; i++)
        OK(mn_str_find(r.lines[i].text, MN_STR("Send"), 0) == SIZE_MAX);
    mn_arena_release(&a);
    ask(&f, "Is extra tea sold?", &a, &r);
    for (size_t i = 0; i < r.n_lines; i++) { /* no quote without its other half */
        size_t n = 0;
        for (size_t k = 0; k < r.lines[i].text.len; k++) n += r.lines[i].text.ptr[k] == '"';
        OK(n % 2 == 0);
    }
    mn_arena_release(&a);
    fixture_finish(&f);
}

static void before_and_max_lines_bound_an_answer(void **state)
{
    (void)state;
    fixture f;
    mn_arena a;
    mn_answer r;
    mn_err e = {0};
    community(&f);
    mn_arena_init(&a, 0);
    mn_ask_opts o = {.before = 9};
    RUN(mn_ask(f.search, f.store, MN_STR("harbour bridge closed"), &o, &a, &r, &e));
    OK(!r.found);
    o = (mn_ask_opts){.max_lines = 2};
    RUN(mn_ask(f.search, f.store, MN_STR("tea and buns"), &o, &a, &r, &e));
    OK(r.n_lines <= 2);
    check_answer(&f, &r);
    mn_arena_release(&a);
    fixture_finish(&f);
}

/* ---- the parts ------------------------------------------------------------------------------- */

static void splits(const char *text, const char *joined)
{
    mn_str s[20];
    mn_buf b;
    mn_buf_init(&b, 0);
    size_t n = mn_ask__sentences(mn_str_from(text), s, 20);
    for (size_t i = 0; i < n; i++) {
        OK(s[i].ptr >= text && s[i].ptr + s[i].len <= text + strlen(text));
        mn_buf_addf(&b, "[%.*s]", MN_STR_FMT(s[i]));
    }
    assert_string_equal(b.ptr ? b.ptr : "", joined);
    mn_buf_release(&b);
}

static void sentences_are_found(void **state)
{
    (void)state;
    splits("", "");
    splits("one", "[one]");
    splits("One. Two! Three? Four", "[One.][Two!][Three?][Four]");
    splits("Dr. Who met J. R. Smith at 3.5 p.m. today. Then left.",
           "[Dr. Who met J. R. Smith at 3.5 p.m. today.][Then left.]");
    splits("He said \"go.\" She went...  Really?!", "[He said \"go.\"][She went...][Really?!]");
    splits("No. See No. 5 of Dec. 3. In Dec. it ends.",
           "[No.][See No. 5 of Dec. 3.][In Dec.][it ends.]");
    splits("first line\nsecond line\n\nthird", "[first line\nsecond line][third]");
    splits("\xE6\x9D\xB1\xE3\x80\x82\xE4\xBA\xAC\xE3\x80\x82",
           "[\xE6\x9D\xB1\xE3\x80\x82][\xE4\xBA\xAC\xE3\x80\x82]");
    splits("see example.org/a.b now", "[see example.org/a.b now]");
}

static void a_line_end_ends_a_sentence_only_before_something_new(void **state)
{
    (void)state;
    splits("Anna: Computer, move the energy of the\n\tdampers to the field.\nBert: Done!",
           "[Anna: Computer, move the energy of the\n\tdampers to the field.][Bert: Done!]");
    splits("Send ships,\nSails, and rope.", "[Send ships,\nSails, and rope.]"); /* comma */
    splits("Closed until the end of\nMarch", "[Closed until the end of\nMarch]");
    splits("Tea at noon\nBuns at one",
           "[Tea at noon][Buns at one]"); /* short, then a capital */
    splits("The harbour office in the old town is run by Mr\nSmith these days.",
           "[The harbour office in the old town is run by Mr\nSmith these days.]"); /* wide */
    splits("Rules:\n1. Be late. Be kind.\n- Bring tea\n(b) leave\nc) and stay",
           "[Rules:][1. Be late.][Be kind.][- Bring tea][(b) leave][c) and stay]");
    splits("\"Are you sure?\" he asked. \"Well... maybe.\" It rained",
           "[\"Are you sure?\" he asked.][\"Well... maybe.\"][It rained]");
    splits("Das kostet z.B. zehn Euro. Mehr nicht.",
           "[Das kostet z.B. zehn Euro.][Mehr nicht.]");
}

static void who_said_it_is_no_sentence(void **state)
{
    (void)state;
    mn_str name = MN_STR_NONE, by;
    splits("Tea is best.\n\t\t-- Ann Example, \"On tea\"", "[Tea is best.]");
    splits("Tea is best.\n\xE2\x80\x94 Ann Example", "[Tea is best.]");
    splits("Tea is best.\n\xE2\x80\x93 Ann Example", "[Tea is best.]");
    splits("Tea is best.\n~ Ann Example", "[Tea is best.]");
    splits("\"Tea is best.\" -- Ann Example", "[\"Tea is best.\"]");
    splits("Tea is best.\n\t-- Ann Example,\n\t   On tea, second book",
           "[Tea is best.]");                                         /* goes on */
    splits("Tea.\n  -- Ann\nBuns.\n  -- Bert", "[Tea.][Buns.]");      /* one in the middle */
    splits("-- one\n-- two\n-- three", "[-- one][-- two][-- three]"); /* a list */
    splits("-- all there is", "[-- all there is]");
    splits("He left -- as always -- early.", "[He left -- as always -- early.]");
    by = mn_ask__attribution(MN_STR("Tea is best.\n\t-- Ann Example (née Bun), \"Tea\" "),
                             &name);
    IS(by, "-- Ann Example (née Bun), \"Tea\"");
    IS(name, "Ann Example");
    OK(!mn_ask__attribution(MN_STR("Nobody said it.\n------"), &name).ptr);
    OK(!mn_ask__attribution(MN_STR("\xFF--\n\xFE"), &name).ptr);
    OK(!mn_ask__attribution(MN_STR(""), NULL).ptr);
}

static void whole_sentences_read_better_than_scraps(void **state)
{
    (void)state;
    double whole = mn_ask__quality(MN_STR("The cat has learnt to open the fridge."));
    OK(whole == 1);
    OK(mn_ask__quality(MN_STR("\"The cat opens the fridge.\"")) == 1);
    OK(mn_ask__quality(MN_STR("The cat opens the fridge.\n-- Ann")) == 1);
    OK(mn_ask__quality(MN_STR("The cat has learnt to open the fridge")) < whole);
    OK(mn_ask__quality(MN_STR("and has learnt to open the fridge.")) < whole);
    OK(mn_ask__quality(MN_STR("Has the cat learnt to open the fridge?")) <
       mn_ask__quality(MN_STR("The cat has learnt to open the fridge,")));
    OK(mn_ask__quality(MN_STR("The cat.")) < whole);
    OK(mn_ask__quality(MN_STR("THE CAT HAS LEARNT TO OPEN THE FRIDGE.")) < whole);
    OK(mn_ask__quality(MN_STR("")) < whole);
    OK(mn_ask__leads_on(MN_STR("Rules of the house:")) && mn_ask__leads_on(MN_STR("Why?\"")) &&
       !mn_ask__leads_on(MN_STR("Rules.")) && !mn_ask__leads_on(MN_STR("")));
}

static double like(const char *x, const char *y)
{
    mn_err e = {0};
    mn_arena a;
    uint64_t *p, *q;
    size_t n, m;
    mn_arena_init(&a, 0);
    RUN(mn_ask__words(mn_str_from(x), &a, &p, &n, &e));
    RUN(mn_ask__words(mn_str_from(y), &a, &q, &m, &e));
    double j = mn_ask__jaccard(p, n, q, m);
    mn_arena_release(&a);
    return j;
}

static void likeness_is_shared_words_over_all_words(void **state)
{
    (void)state;
    OK(like("", "") == 0);
    OK(like("red fox", "the red foxes!") == 1);
    OK(like("red fox", "blue whale") == 0);
    OK(like("red fox jumps", "red fox sleeps") == 0.5);
    OK(mn_ask__is_boosted_text(MN_STR(" RT @bob: hello")) &&
       !mn_ask__is_boosted_text(MN_STR("RT is short")));
}

static void short_posts_with_two_words_in_common_say_different_things(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "Cats and dogs differ", "Cats keep secrets, dogs not", "cats and dogs differ!",
        "Cats, dogs and mice keep secrets", "Cats, dogs and mice keep secrets well, all say"};
    mn_err e = {0};
    mn_arena a;
    mn_post post[5] = {{.id = 1}, {.id = 2}, {.id = 3}, {.id = 4}, {.id = 5}};
    mn_ask_post p[5] = {{0}};
    size_t leaders[5];
    mn_arena_init(&a, 0);
    for (size_t i = 0; i < 5; i++) {
        p[i].post = &post[i];
        RUN(mn_ask__words(mn_str_from(texts[i]), &a, &p[i].words, &p[i].n_words, &e));
    }
    OK(mn_ask__group(p, 5, leaders) == 2);
    OK(p[0].group == 0 && p[1].group == 1 && p[2].group == 0); /* 2 of 5 words; a copy */
    OK(p[3].group == 1 && p[4].group == 1);
    mn_arena_release(&a);
}

static bool supported(const char *sentence, const char *source)
{
    mn_err e = {0};
    mn_arena a;
    bool ok = false;
    mn_arena_init(&a, 0);
    RUN(mn_ask__supported(mn_str_from(sentence), mn_str_from(source), &a, &ok, &e));
    mn_arena_release(&a);
    return ok;
}

static void only_what_a_source_says_is_supported(void **state)
{
    (void)state;
    const char *source = "The harbour bridge is closed until Friday. The city pays 40 million "
                         "for repairs. Nobody was hurt.";
    OK(supported("The harbour bridge is closed until Friday.", source));
    OK(supported("The harbour bridge is closed", source));
    OK(supported("The city pays 40 million", source));
    OK(!supported("The city pays 50 million", source));         /* a number */
    OK(!supported("The harbour tunnel is closed", source));     /* a word */
    OK(!supported("The bridge harbour is closed", source));     /* the order */
    OK(!supported("The harbour bridge is not closed", source)); /* turned round */
    OK(!supported("The harbour bridge is closed for repairs by the city", source));
    OK(!supported("", source));
    OK(!supported("is the of", source)); /* says nothing */
    OK(!supported("bridge", ""));
}

static void a_passage_is_the_sentence_that_carries_the_question(void **state)
{
    (void)state;
    mn_err e = {0};
    mn_arena a;
    mn_str quote;
    double cover;
    mn_str terms[] = {MN_STR("bridg"), MN_STR("boat")};
    double weights[] = {0.5, 0.5};
    mn_ask_question q = {.terms = terms, .weights = weights, .n = 2};
    mn_arena_init(&a, 0);
    RUN(mn_ask__best_passage(&q, MN_STR("No. The bridge and boats. Bye."), &a, &quote, &cover,
                             &e));
    IS(quote, "The bridge and boats.");
    OK(cover == 1);
    RUN(mn_ask__best_passage(&q, MN_STR("No. A bridge! A boat. Bye."), &a, &quote, &cover, &e));
    IS(quote, "A bridge! A boat.");
    OK(cover == 1);
    RUN(mn_ask__best_passage(&q, MN_STR("A boat. No."), &a, &quote, &cover, &e));
    IS(quote, "A boat.");
    OK(cover == 0.5);
    RUN(mn_ask__best_passage(&q, MN_STR("\"Hm. A bridge is no boat.\" Bye."), &a, &quote,
                             &cover, &e));
    IS(quote, "A bridge is no boat."); /* without the half of a pair of quotes */
    /* what follows a question or a heading; the name, where it is asked for */
    RUN(mn_ask__best_passage(&q, MN_STR("Is a bridge a boat? It is not. Bye."), &a, &quote,
                             &cover, &e));
    IS(quote, "Is a bridge a boat? It is not.");
    RUN(mn_ask__best_passage(&q, MN_STR("Bridge and boat:\n\tBoth get wet."), &a, &quote,
                             &cover, &e));
    IS(quote, "Bridge and boat:\n\tBoth get wet.");
    RUN(mn_ask__best_passage(&q, MN_STR("Bye. A boat is wet.\n\t-- Al Bridge, \"Boats\""), &a,
                             &quote, &cover, &e));
    IS(quote, "A boat is wet.\n\t-- Al Bridge");
    OK(cover == 1);
    RUN(mn_ask__best_passage(&q, MN_STR("Bye now.\n\t-- A. Writer, \"Bridge and boat\""), &a,
                             &quote, &cover, &e));
    OK(cover == 0); /* a book's title says nothing */
    RUN(mn_ask__best_passage(&q, MN_STR("Nothing."), &a, &quote, &cover, &e));
    OK(cover == 0 && !quote.ptr);
    mn_arena_release(&a);
}

static void of_what_a_model_writes_only_the_supported_is_kept(void **state)
{
    (void)state;
    mn_err e = {0};
    mn_arena a;
    mn_str terms[] = {MN_STR("harbour"), MN_STR("bridg")};
    double weights[] = {0.5, 0.5};
    mn_ask_question q = {.terms = terms, .weights = weights, .n = 2};
    const mn_str sources[] = {
        MN_STR("My cat sleeps on the harbour bridge."),
        MN_STR("The harbour bridge is closed until Friday, says the city.")};
    mn_str said = MN_STR_NONE;
    size_t from = 9;
    mn_arena_init(&a, 0);
    RUN(mn_ask__choose_generated(
        MN_STR(
            "The harbour bridge fell down. My cat sleeps on the harbour bridge. Until Friday. "
            "Well, the harbour bridge was closed! The harbour bridge is closed until Monday."),
        &q, sources, 2, &a, &said, &from, &e));
    IS(said, "Well, the harbour bridge was closed!");
    OK(from == 1);
    said = MN_STR_NONE;
    RUN(mn_ask__choose_generated(MN_STR("The harbour bridge fell down. \xFF\xFE"), &q, sources,
                                 2, &a, &said, &from, &e));
    OK(!said.ptr);
    RUN(mn_ask__choose_generated(MN_STR(""), &q, sources, 2, &a, &said, &from, &e));
    OK(!said.ptr);
    mn_arena_release(&a);
}

/* An untrained model: it writes noise. */
static void make_engine(const char *dir, mn_engine **ret)
{
    mn_err e = {0};
    mn_tok_trainer *tr;
    mn_tokenizer *tok;
    mn_weights w;
    char path[128];
    RUN(mn_tok_trainer_new(&tr, &e));
    RUN(mn_tok_trainer_add(tr, MN_STR("the harbour bridge is closed, says the city"), &e));
    RUN(mn_tok_trainer_finish(tr, 400, &tok, &e));
    mn_tok_trainer_free(tr);
    mn_config c = {.V = mn_tok_vocab(tok),
                   .C = 32,
                   .L = 1,
                   .H = 4,
                   .KV = 2,
                   .D = 8,
                   .F = 48,
                   .T = 200,
                   .rope_theta = 10000.0f,
                   .eps = 1e-5f,
                   .tied = true};
    RUN(mn_weights_new(&c, &w, &e));
    mn_weights_init(&w, 7);
    RUN(mn_weights_save(&w, dir, &e));
    mn_weights_release(&w);
    snprintf(path, sizeof path, "%s/tokenizer.json", dir);
    RUN(mn_tok_save(tok, path, &e));
    mn_tok_free(tok);
    RUN(mn_engine_load(dir, &(mn_engine_opts){.n_threads = 1}, ret, &e));
}

static void a_model_that_writes_noise_adds_nothing(void **state)
{
    (void)state;
    fixture f;
    mn_err e = {0};
    mn_arena a;
    mn_answer r, plain;
    mn_engine *g;
    char dir[64];
    test_tmp(dir);
    make_engine(dir, &g);
    community(&f);
    mn_arena_init(&a, 0);
    mn_ask_opts o = {.engine = g};
    RUN(mn_ask(f.search, f.store, MN_STR("Is the harbour bridge closed?"), &o, &a, &r, &e));
    o.engine = NULL;
    RUN(mn_ask(f.search, f.store, MN_STR("Is the harbour bridge closed?"), &o, &a, &plain, &e));
    check_answer(&f, &r);
    OK(r.found && r.n_lines == plain.n_lines);
    for (size_t i = 0; i < r.n_lines; i++)
        OK(!r.lines[i].generated && mn_str_eq(r.lines[i].text, plain.lines[i].text));
    mn_arena_release(&a);
    fixture_finish(&f);
    mn_engine_free(g);
    test_tmp_remove(dir);
}

static void running_out_of_memory_is_told(void **state)
{
    (void)state;
    fixture f;
    mn_err e = {0};
    size_t failed = 0;
    community(&f);
    for (long n = 1; n < 2000; n++) {
        mn_arena a;
        mn_answer r;
        mn_ask_opts o = {0};
        mn_arena_init(&a, 0);
        mn_mem_fail_after(n);
        mn_rc rc =
            mn_ask(f.search, f.store, MN_STR("Is the harbour bridge closed?"), &o, &a, &r, &e);
        mn_mem_fail_after(0);
        if (rc == MN_OK) check_answer(&f, &r);
        mn_arena_release(&a);
        if (rc == MN_OK) break;
        failed++;
    }
    OK(failed > 5);
    fixture_finish(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_answer_quotes_the_earliest_and_cites_who_says_the_same),
        TEST(what_nobody_speaks_of_is_declined),
        TEST(who_has_not_allowed_quoting_is_counted_and_not_quoted),
        TEST(a_post_deleted_since_the_index_was_made_is_not_quoted),
        TEST(before_and_max_lines_bound_an_answer),
        TEST(the_language_of_the_question_goes_first),
        TEST(posts_of_an_undone_import_are_never_given_out),
        TEST(words_quoted_once_are_not_quoted_again),
        TEST(sentences_are_found),
        TEST(a_line_end_ends_a_sentence_only_before_something_new),
        TEST(who_said_it_is_no_sentence),
        TEST(whole_sentences_read_better_than_scraps),
        TEST(likeness_is_shared_words_over_all_words),
        TEST(short_posts_with_two_words_in_common_say_different_things),
        TEST(only_what_a_source_says_is_supported),
        TEST(a_passage_is_the_sentence_that_carries_the_question),
        TEST(of_what_a_model_writes_only_the_supported_is_kept),
        TEST(a_model_that_writes_noise_adds_nothing),
        TEST(running_out_of_memory_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
