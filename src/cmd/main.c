/* mynah: one program, one line a subcommand. */
#include "cmd/cmd.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/stop.h"
#include "base/str.h"

static const mn_cmd commands[] = {
    {"serve", mn_cmd_serve, "the server: pages, API, search; raises a first model"},
    {"import", mn_cmd_import, "posts from archives, fortune files and JSON lines"},
    {"export", mn_cmd_export, "everything of an account as one archive, to take elsewhere"},
    {"account", mn_cmd_account, "make, list, suspend and delete accounts; their consent"},
    {"emoji", mn_cmd_emoji, "the community's own emoji: import, list, remove"},
    {"store", mn_cmd_store, "the database as a whole: move it to PostgreSQL or back, check it"},
    {"corpus", mn_cmd_corpus,
     "what may be learnt from, as token shards: build, list, stats, verify"},
    {"train", mn_cmd_train, "raise a model on a corpus; --resume goes on"},
    {"tune", mn_cmd_tune, "teach a model conversations or a corpus, by an adapter or in full"},
    {"forget", mn_cmd_forget, "make corpora and models forget posts, to the bit"},
    {"learn", mn_cmd_learn, "go on with the model in use on what is new, as every night"},
    {"search", mn_cmd_search, "posts that match, best first"},
    {"ask", mn_cmd_ask, "an answer in the words of posts, with the posts it stands on"},
    {"eval", mn_cmd_eval, "how well a model predicts a text, in bits per byte"},
    {"generate", mn_cmd_generate, "write with a model"},
    {"chat", mn_cmd_chat, "talk with a model in the terminal"},
    {"model", mn_cmd_model, "models: list, show, promote"},
    {"tokenizer", mn_cmd_tokenizer, "train a tokenizer; text to ids and back"},
    {"show", mn_cmd_show, "what is offered and how it is set: limits, routes"},
    {"bench", mn_cmd_bench, "measure the parts of mynah on this machine"},
    {"help", mn_cmd_help, "this list, or the help of one command"},
    {0},
};

static const mn_cmd *find(const char *name)
{
    for (const mn_cmd *c = commands; c->name; c++)
        if (strcmp(c->name, name) == 0) return c;
    return NULL;
}

static void print_commands(FILE *f)
{
    fprintf(f, "mynah is a social network that raises its own language model.\n\n"
               "Usage: mynah COMMAND [OPTION]…\n\nCommands:\n");
    for (const mn_cmd *c = commands; c->name; c++)
        fprintf(f, "  %-12s %s\n", c->name, c->summary);
    fprintf(
        f,
        "\nAll commands know --help and, where they make sense, --json and --data DIR (the "
        "data\n"
        "folder; else $MYNAH_DATA, else ./mynah-data). Results go to stdout, talk to stderr;\n"
        "exit 0: done, 1: failed, 2: wrong usage.\n");
}

static int unknown(const char *name)
{
    const char *best = NULL;
    size_t least = SIZE_MAX;
    for (const mn_cmd *c = commands; c->name; c++) {
        size_t d = mn_str_distance(mn_str_from(name), mn_str_from(c->name));
        if (d < least) least = d, best = c->name;
    }
    if (best && least <= 2)
        fprintf(stderr, "mynah: there is no command '%.64s'; did you mean '%s'?\n", name, best);
    else fprintf(stderr, "mynah: there is no command '%.64s'; `mynah help` lists them\n", name);
    return 2;
}

/* `mynah help X Y` is `mynah X Y --help`. */
int mn_cmd_help(int argc, char **argv)
{
    static char help[] = "--help";
    char *args[4] = {0};
    int n = 0;
    if (argc < 2 || strcmp(argv[1], "help") == 0 || strcmp(argv[1], "--help") == 0) {
        print_commands(stdout);
        return 0;
    }
    const mn_cmd *c = find(argv[1]);
    if (!c) return unknown(argv[1]);
    while (n < 2 && n + 1 < argc) {
        args[n] = argv[n + 1];
        n++;
    }
    args[n++] = help;
    return c->run(n, args);
}

/* A result that could not be written (a full disk behind a redirection) is a failure. */
static int told(int code)
{
    bool lost = fflush(stdout) != 0 || ferror(stdout);
    if (!lost || errno == EPIPE) return code;
    fprintf(stderr, "mynah: the result could not be written: %s\n", strerror(errno));
    return code ? code : 1;
}

int main(int argc, char **argv)
{
    mn_stop_setup();
    if (argc < 2) {
        print_commands(stderr);
        return 2;
    }
    if (strcmp(argv[1], "--version") == 0) {
        printf("mynah %s\n", MN_VERSION);
        return told(0);
    }
    if (strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "--help") == 0)
        return told(mn_cmd_help(1, argv));
    const mn_cmd *c = find(argv[1]);
    return c ? told(c->run(argc - 1, argv + 1)) : unknown(argv[1]);
}
