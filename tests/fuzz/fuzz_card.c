/* module: model
 * Bytes as the JSON files beside a model, one after the other with NULs between them, the first the model's name: never a crash; the card is UTF-8, its front
 * matter ends where we end it, and each line of that begins as ours do. */
#include <stdlib.h>
#include <string.h>

#include "model/card.h"

static const mn_json *tree(mn_str *rest, mn_arena *a)
{
    mn_json *t = NULL;
    mn_str text = mn_str_split(*rest, '\0', rest);
    if (!text.ptr || mn_json_parse(text, a, &t, NULL) != MN_OK) return NULL;
    return t->type == MN_JSON_OBJECT ? t : NULL;
}

static bool is_ours(mn_str line)
{
    static const char *const begins[] = {
        "license: \"",   "language:",    "- ",           "library_name: transformers",
        "pipeline_tag:", "tags:",        "base_model: ", "author: ",
        "datasets:",     "model-index:", "  results:",   "  - task:",
        "      ",        "    dataset:", "    metrics:", "    - type: "};
    for (size_t i = 0; i < sizeof begins / sizeof *begins; i++)
        if (mn_str_starts(line, begins[i])) return true;
    return false;
}

static void check(mn_str text)
{
    mn_str line = mn_str_split(text, '\n', &text);
    if (!mn_str_eqz(line, "---")) abort();
    while (line = mn_str_split(text, '\n', &text), !mn_str_eqz(line, "---"))
        if (!is_ours(line)) abort();
    while (text.ptr)
        if (mn_str_eqz(mn_str_split(text, '\n', &text), "---")) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    mn_arena a;
    mn_buf b;
    mn_str rest, name = mn_str_split((mn_str){(const char *)data, size}, '\0', &rest);
    mn_arena_init(&a, (size_t)64 << 20);
    mn_card c = {.name = name};
    c.training = tree(&rest, &a);
    c.evaluation = tree(&rest, &a);
    c.origin = tree(&rest, &a);
    c.manifest = tree(&rest, &a);
    const mn_json *forgotten[1] = {tree(&rest, &a)};
    c.forgotten = forgotten, c.n_forgotten = forgotten[0] != NULL;
    c.licence = mn_json_str(mn_json_get(c.origin, "licence"));
    c.source = mn_json_str(mn_json_get(c.origin, "source"));
    mn_buf_init(&b, 0);
    mn_card_put(&c, &b);
    if (b.failed || !mn_utf8_valid(mn_buf_str(&b))) abort();
    check(mn_buf_str(&b));
    mn_buf_release(&b);
    mn_arena_release(&a);
    return 0;
}
