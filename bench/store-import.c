/* What the store alone costs an import: n posts of some authors in transactions of 10,000, CPU time a post; and what it
 * costs to read them all again in pages of 1,000, as the corpus does.
 *   make bench && build/bench/store-import [POSTS [AUTHORS]] */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/hash.h"
#include "base/snowflake.h"
#include "store/store.h"

#define BATCH 10000

static void check(mn_rc rc, const mn_err *e)
{
    if (rc == MN_OK) return;
    fprintf(stderr, "store-import: %s\n", e->msg);
    exit(1);
}

static void add_authors(mn_store *s, uint64_t n)
{
    mn_err e = {0};
    mn_tx *tx;
    check(mn_store_begin(s, &tx, &e), &e);
    for (uint64_t i = 1; i <= n; i++) {
        char name[32];
        mn_account a = {.id = i, .origin = MN_STR("bench")};
        snprintf(name, sizeof name, "author%llu", (unsigned long long)i);
        a.name = mn_str_from(name);
        check(mn_store_account_add(tx, &a, &e), &e);
    }
    check(mn_store_commit(tx, &e), &e);
}

static void add_batch(mn_store *s, uint64_t from, uint64_t n, uint64_t authors, uint64_t import)
{
    mn_err e = {0};
    mn_tx *tx;
    check(mn_store_begin(s, &tx, &e), &e);
    for (uint64_t i = from; i < from + n; i++) {
        char origin[32], text[200];
        uint64_t r = mn_rand_at(1, 2, i), id;
        mn_post p = {.created_ms = 1300000000000 + (int64_t)i * 997,
                     .account_id = 1 + r % authors,
                     .import_id = import,
                     .lang = MN_STR("en")};
        p.id = mn_snowflake_at(p.created_ms, r);
        snprintf(origin, sizeof origin, "jsonl:%llu", (unsigned long long)(r >> 1));
        p.text.len = (size_t)snprintf(
            text, sizeof text,
            "%llu a post about nothing in particular, as long as posts are: %.*s",
            (unsigned long long)i, (int)(r % 100),
            "the quick brown fox jumps over the lazy dog and the lazy dog does not mind it at "
            "all, "
            "or so it says to us");
        p.text.ptr = text;
        p.origin = mn_str_from(origin);
        check(mn_store_post_import(tx, &p, &id, &e), &e);
    }
    check(mn_store_commit(tx, &e), &e);
}

static uint64_t scan(mn_store *s)
{
    mn_err e = {0};
    mn_arena a;
    mn_posts page = {0};
    uint64_t after = 0, n = 0;
    mn_arena_init(&a, 0);
    do {
        mn_arena_reset(&a);
        check(mn_store_posts_scan(s, after, 1000, &a, &page, &e), &e);
        n += page.n;
        if (page.n > 0) after = page.items[page.n - 1].id;
    } while (page.n > 0);
    mn_arena_release(&a);
    return n;
}

int main(int argc, char **argv)
{
    uint64_t n = argc > 1 ? strtoull(argv[1], NULL, 10) : 500000;
    uint64_t authors = argc > 2 ? strtoull(argv[2], NULL, 10) : 1000, import = 0;
    char dir[] = "/tmp/mynah-bench-XXXXXX", path[64];
    mn_err e = {0};
    mn_store *s;
    mn_tx *tx;
    if (!mkdtemp(dir)) return 1;
    snprintf(path, sizeof path, "%s/mynah.db", dir);
    check(mn_store_open(path, &s, &e), &e);
    add_authors(s, authors);
    check(mn_store_begin(s, &tx, &e), &e);
    check(mn_store_import_begin(tx, MN_STR("bench"), MN_STR("jsonl"), &import, &e), &e);
    check(mn_store_commit(tx, &e), &e);
    double cpu = mn_cpu_s();
    int64_t wall = mn_mono_us();
    for (uint64_t at = 0; at < n; at += BATCH)
        add_batch(s, at, n - at < BATCH ? n - at : BATCH, authors, import);
    cpu = mn_cpu_s() - cpu;
    wall = mn_mono_us() - wall;
    double scan_cpu = mn_cpu_s();
    if (scan(s) != n) return 1;
    scan_cpu = mn_cpu_s() - scan_cpu;
    printf(
        "{\"posts\":%llu,\"authors\":%llu,\"cpu_us_per_post\":%.2f,\"wall_us_per_post\":%.2f,"
        "\"scan_cpu_us_per_post\":%.2f}\n",
        (unsigned long long)n, (unsigned long long)authors, cpu * 1e6 / (double)n,
        (double)wall / (double)n, scan_cpu * 1e6 / (double)n);
    mn_store_close(s);
    check(mn_fs_remove_tree(dir, &e), &e);
    return 0;
}
