/* module: infer */
/* What a model wrote, searched for tool calls: total, only known names, arguments that are JSON objects, text from before the calls. */
#include "infer/chat.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char tools_text[] =
        "[{\"type\":\"function\",\"function\":{\"name\":\"weather\"}},{\"name\":\"t\"}]";
    mn_arena a;
    mn_json *tools, *args;
    mn_err e = {0};
    mn_tool_call *calls;
    mn_str rest, text = {(const char *)data, size};
    size_t n;
    mn_arena_init(&a, 0);
    MN_ASSERT(mn_json_parse(mn_str_from(tools_text), &a, &tools, &e) == MN_OK);
    MN_ASSERT(mn_chat_tool_calls(text, tools, &a, &calls, &n, &rest, &e) == MN_OK);
    for (size_t i = 0; i < n; i++) {
        MN_ASSERT(mn_str_eqz(calls[i].name, "weather") || mn_str_eqz(calls[i].name, "t"));
        MN_ASSERT(mn_json_parse(calls[i].arguments, &a, &args, &e) == MN_OK);
        MN_ASSERT(args->type == MN_JSON_OBJECT);
    }
    MN_ASSERT(rest.len <= text.len && (n || mn_str_eq(rest, text)));
    mn_arena_release(&a);
    return 0;
}
