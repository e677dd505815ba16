/* The model API over real sockets: answers, their fields, what is refused and how. */
#include <math.h>

#include "base/base64.h"
#include "http/openai.h"

#define HELLO "\"messages\":[{\"role\":\"user\",\"content\":\"hello there\"}]"

static int setup(void **s)
{
    (void)s;
    openai_start(NULL);
    return 0;
}
static int teardown(void **s)
{
    (void)s;
    masto_stop();
    return 0;
}

/* ---- models -------------------------------------------------------------------------------------------------------- */

static void models_are_listed_the_promoted_one_first(void **s)
{
    (void)s;
    OK(v1_get("models") == 200);
    IS(masto_str("object"), "list");
    OK(masto_at("data")->n == 3);
    IS(masto_str("data.0.id"), "mynah");
    IS(masto_str("data.1.id"), "other");
    IS(masto_str("data.2.id"), "tiny");
    IS(masto_str("data.0.object"), "model");
    OK(masto_id("data.0.created") > 1700000000 && masto_str("data.0.owned_by").len);
    OK(v1_get("models/tiny") == 200);
    IS(masto_str("id"), "tiny");
    OK(v1_get("models/nothing") == 404 && openai_error("model_not_found", "model"));
    OK(v1_get("models/..%2Fx") == 404 || v1_get("models/..%2Fx") == 400);
}

/* ---- whole answers ------------------------------------------------------------------------------------------------- */

static void an_answer_of_chat_has_openais_shape(void **s)
{
    (void)s;
    OK(v1("chat/completions",
          "{\"model\":\"tiny\"," HELLO ",\"max_tokens\":5,\"seed\":3,\"logit_bias\":%s}",
          openai_letters) == 200);
    IS(masto_str("object"), "chat.completion");
    IS(masto_str("model"), "tiny");
    OK(mn_str_starts(masto_str("id"), "chatcmpl-") && masto_id("created") > 1700000000);
    OK(mn_str_starts(masto_str("system_fingerprint"), "fp_"));
    OK(masto_at("choices")->n == 1);
    IS(masto_str("choices.0.message.role"), "assistant");
    OK(masto_str("choices.0.message.content").ptr);
    OK(masto_at("choices.0.message.refusal")->type == MN_JSON_NULL);
    OK(masto_at("choices.0.logprobs")->type == MN_JSON_NULL);
    IS(masto_str("choices.0.finish_reason"), "length");
    OK(masto_id("usage.completion_tokens") == 5 && masto_id("usage.prompt_tokens") > 3);
    OK(masto_id("usage.total_tokens") == masto_id("usage.prompt_tokens") + 5);
    OK(masto_at("usage.prompt_tokens_details.cached_tokens")->type == MN_JSON_NUMBER);
    OK(masto_says("application/json") && masto_says("Access-Control-Allow-Origin: *"));
}

static void the_promoted_model_answers_to_its_name_and_to_none(void **s)
{
    (void)s;
    OK(v1("chat/completions", "{\"model\":\"mynah\"," HELLO ",\"max_tokens\":1}") == 200);
    IS(masto_str("model"), "tiny");
    OK(v1("chat/completions", "{" HELLO ",\"max_tokens\":1}") == 200);
    IS(masto_str("model"), "tiny");
    OK(v1("chat/completions", "{\"model\":\"gpt-4\"," HELLO "}") == 404);
    OK(openai_error("model_not_found", "model"));
    OK(v1("chat/completions", "{\"model\":\"../tiny\"," HELLO "}") == 404);
}

static mn_str said(const char *more)
{
    OK(v1("chat/completions", "{" HELLO ",\"max_tokens\":12%s}", more) == 200);
    return masto_str("choices.0.message.content");
}

static void the_same_seed_gives_the_same_answer_and_another_another(void **s)
{
    (void)s;
    mn_str one = said(",\"seed\":1"), again = said(",\"seed\":1");
    OK(mn_str_eq(one, again));
    bool differs = false;
    for (int i = 2; i < 6 && !differs; i++) {
        char more[32];
        snprintf(more, sizeof more, ",\"seed\":%d", i);
        differs = !mn_str_eq(one, said(more));
    }
    OK(differs);
    OK(mn_str_eq(said(",\"temperature\":0"), said(",\"temperature\":0,\"seed\":99")));
    OK(mn_str_eq(said(",\"temperature\":0"), said(",\"top_p\":0")));
    OK(v1("chat/completions", "{" HELLO ",\"max_tokens\":2,\"seed\":-9223372036854775808}") ==
       200);
}

static void a_repeated_prompt_is_found_in_the_cache(void **s)
{
    (void)s;
    char text[400];
    memset(text, 0, sizeof text);
    for (int i = 0; i < 30; i++) strcat(text, "the mynah ");
    for (int i = 0; i < 2; i++)
        OK(v1("chat/completions",
              "{\"messages\":[{\"role\":\"user\",\"content\":\"%s\"}],\"max_tokens\":1}",
              text) == 200);
    OK(masto_id("usage.prompt_tokens_details.cached_tokens") >= 32);
}

static void several_choices_are_several_answers(void **s)
{
    (void)s;
    mn_str one = said(",\"seed\":5");
    OK(v1("chat/completions", "{" HELLO ",\"max_tokens\":12,\"seed\":5,\"n\":11}") == 200);
    OK(masto_at("choices")->n == 11);
    OK(mn_str_eq(masto_str("choices.0.message.content"), one));
    OK(masto_id("choices.10.index") == 10);
    bool differs = false;
    for (int i = 1; i < 11; i++) {
        char path[48];
        snprintf(path, sizeof path, "choices.%d.message.content", i);
        differs = differs || !mn_str_eq(masto_str(path), one);
    }
    OK(differs);
    OK(masto_id("usage.prompt_tokens") < 40); /* counted once */
}

static void messages_may_have_parts_and_every_role(void **s)
{
    (void)s;
    OK(v1("chat/completions",
          "{\"messages\":[{\"role\":\"developer\",\"content\":\"be kind\"},"
          "{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"what \"},"
          "{\"type\":\"text\",\"text\":\"time?\"}]},"
          "{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{\"id\":\"c1\",\"type\":"
          "\"function\",\"function\":{\"name\":\"clock\",\"arguments\":\"{}\"}}]},"
          "{\"role\":\"tool\",\"tool_call_id\":\"c1\",\"content\":\"noon\"},"
          "{\"role\":\"user\",\"name\":\"ada\",\"content\":\"thanks\"}],\"max_completion_"
          "tokens\":2,"
          "\"max_tokens\":null,\"stop\":null,\"store\":true,\"metadata\":{\"a\":\"b\"},"
          "\"reasoning_effort\":\"low\",\"never_heard_of\":[1,{}],\"logit_bias\":%s}",
          openai_letters) == 200);
    OK(masto_id("usage.completion_tokens") == 2);
}

static void control_tokens_in_messages_stay_text(void **s)
{
    (void)s;
    OK(v1("chat/completions",
          "{\"messages\":[{\"role\":\"user\",\"content\":\"\"}],\"max_tokens\":1}") == 200);
    uint64_t empty = masto_id("usage.prompt_tokens");
    OK(v1("chat/completions", "{\"messages\":[{\"role\":\"user\",\"content\":"
                              "\"<|reply|><|end|><|start|>\"}],\"max_tokens\":1}") == 200);
    OK(masto_id("usage.prompt_tokens") > empty + 12); /* not three tokens more */
}

/* ---- text completions ---------------------------------------------------------------------------------------------- */

static void a_text_goes_on(void **s)
{
    (void)s;
    OK(v1("completions", "{\"prompt\":\"the mynah\",\"seed\":2,\"logit_bias\":%s}",
          openai_letters) == 200);
    IS(masto_str("object"), "text_completion");
    OK(mn_str_starts(masto_str("id"), "cmpl-"));
    OK(masto_id("usage.completion_tokens") == 16); /* OpenAI's default */
    IS(masto_str("choices.0.finish_reason"), "length");
    mn_str text = masto_str("choices.0.text");
    OK(v1("completions",
          "{\"prompt\":\"the mynah\",\"seed\":2,\"echo\":true,\"logit_bias\":%s}",
          openai_letters) == 200);
    OK(mn_str_starts(masto_str("choices.0.text"), "the mynah"));
    OK(mn_str_eq(mn_str_sub(masto_str("choices.0.text"), 9, SIZE_MAX), text));
}

static void prompts_may_be_lists_and_tokens(void **s)
{
    (void)s;
    OK(v1("completions",
          "{\"prompt\":[\"the mynah\",\"a post\",\"x\"],\"n\":2,\"max_tokens\":3,"
          "\"temperature\":0}") == 200);
    OK(masto_at("choices")->n == 6 && masto_id("choices.5.index") == 5);
    mn_str first = masto_str("choices.0.text"), third = masto_str("choices.2.text");
    OK(mn_str_eq(first, masto_str("choices.1.text")));
    OK(v1("completions", "{\"prompt\":\"a post\",\"max_tokens\":3,\"temperature\":0}") == 200);
    OK(mn_str_eq(masto_str("choices.0.text"), third));
    OK(v1("completions", "{\"prompt\":[0,200,201,202],\"max_tokens\":2}") == 200);
    OK(masto_id("usage.prompt_tokens") == 4);
    OK(v1("completions", "{\"prompt\":[[0,200],[0,201]],\"max_tokens\":2}") == 200);
    OK(masto_at("choices")->n == 2);
    OK(v1("completions", "{\"prompt\":[0,99999]}") == 400 &&
       openai_error("invalid_value", "prompt"));
    OK(v1("completions", "{\"prompt\":[]}") == 400 && openai_error("invalid_value", "prompt"));
    OK(v1("completions", "{\"prompt\":[[]]}") == 400);
    OK(v1("completions", "{\"prompt\":[[0],\"x\",{}]}") == 400);
    OK(v1("completions", "{}") == 400 && openai_error("missing_required_parameter", "prompt"));
}

/* ---- log probabilities --------------------------------------------------------------------------------------------- */

static void log_probabilities_of_chat_are_those_of_the_tokens(void **s)
{
    (void)s;
    OK(v1("chat/completions", "{" HELLO ",\"max_tokens\":8,\"temperature\":0,\"logprobs\":true,"
                              "\"top_logprobs\":20}") == 200);
    const mn_json *list = masto_at("choices.0.logprobs.content");
    OK(list && list->n > 0 && list->n <= 8);
    mn_buf text;
    mn_buf_init(&text, 0);
    for (size_t i = 0; i < list->n; i++) {
        const mn_json *t = list->items[i], *top = mn_json_get(t, "top_logprobs"),
                      *bytes = mn_json_get(t, "bytes");
        double sum = 0, p = mn_json_f64(mn_json_get(t, "logprob"), 1);
        OK(p <= 0 && top->n == 20);
        for (size_t k = 0; k < top->n; k++) {
            double q = mn_json_f64(mn_json_get(top->items[k], "logprob"), 1);
            OK(q <= 0 &&
               (k == 0 || q <= mn_json_f64(mn_json_get(top->items[k - 1], "logprob"), 1)));
            sum += exp(q);
        }
        OK(sum > 0 && sum <= 1.0001);
        size_t first = 0; /* the likeliest that may be written: tokens of structure are never */
        while (first < top->n &&
               mn_str_starts(mn_json_str(mn_json_get(top->items[first], "token")), "<|"))
            first++;
        OK(first == top->n || p == mn_json_f64(mn_json_get(top->items[first], "logprob"), 1));
        for (size_t k = 0; k < bytes->n; k++)
            mn_buf_addc(&text, (char)mn_json_u64(bytes->items[k], 0));
    }
    mn_str content = masto_str("choices.0.message.content");
    if (mn_utf8_valid(mn_buf_str(&text))) OK(mn_str_eq(mn_buf_str(&text), content));
    mn_buf_release(&text);
    OK(v1("chat/completions", "{" HELLO ",\"top_logprobs\":2}") == 400 &&
       openai_error("invalid_value", "top_logprobs"));
}

static void log_probabilities_of_completions_have_their_own_shape(void **s)
{
    (void)s;
    OK(v1("completions", "{\"prompt\":\"the mynah\",\"max_tokens\":6,\"temperature\":0,"
                         "\"logprobs\":3}") == 200);
    const mn_json *l = masto_at("choices.0.logprobs");
    size_t n = mn_json_get(l, "tokens")->n;
    OK(n > 0 && mn_json_get(l, "token_logprobs")->n == n &&
       mn_json_get(l, "top_logprobs")->n == n);
    OK(mn_json_get(l, "text_offset")->n == n);
    OK(mn_json_u64(mn_json_at(mn_json_get(l, "text_offset"), 0), 9) == 0);
    OK(mn_json_at(mn_json_get(l, "top_logprobs"), 0)->type == MN_JSON_OBJECT);
    OK(v1("completions", "{\"prompt\":\"x\",\"max_tokens\":2,\"logprobs\":0}") == 200);
    OK(masto_at("choices.0.logprobs.top_logprobs")->type == MN_JSON_NULL);
    OK(v1("completions", "{\"prompt\":\"x\",\"echo\":true,\"logprobs\":1}") == 400);
}

/* ---- sampling ------------------------------------------------------------------------------------------------------ */

static void a_bias_decides(void **s)
{
    (void)s;
    OK(v1("completions", "{\"prompt\":\"x\",\"max_tokens\":4,\"logit_bias\":{\"200\":100},"
                         "\"logprobs\":0}") == 200);
    const mn_json *tokens = masto_at("choices.0.logprobs.tokens");
    OK(tokens->n == 4);
    for (size_t i = 1; i < 4; i++)
        OK(mn_str_eq(mn_json_str(tokens->items[i]), mn_json_str(tokens->items[0])));
    OK(v1("completions", "{\"prompt\":\"x\",\"logit_bias\":{\"99999\":1}}") == 400 &&
       openai_error("invalid_value", "logit_bias"));
    OK(v1("completions", "{\"prompt\":\"x\",\"logit_bias\":{\"a\":1}}") == 400);
    OK(v1("completions", "{\"prompt\":\"x\",\"logit_bias\":{\"5\":101}}") == 400);
}

static void stops_end_the_answer_before_them(void **s)
{
    (void)s;
    bool done;
    OK(v1("completions",
          "{\"prompt\":\"the mynah\",\"max_tokens\":24,\"seed\":1,"
          "\"logit_bias\":%s}",
          openai_letters) == 200);
    mn_str all = masto_str("choices.0.text");
    OK(all.len == 24); /* a letter a token: a stop of three lies across tokens */
    mn_str stop = mn_str_sub(all, 9, 3);
    size_t at = mn_str_find(all, stop, 0);
    for (int stream = 0; stream < 2; stream++) {
        OK(v1("completions",
              "{\"prompt\":\"the mynah\",\"max_tokens\":24,\"seed\":1,\"logit_bias\":%s,"
              "\"stop\":[\"never said\",\"%.*s\"],\"stream\":%s,\"logprobs\":0}",
              openai_letters, MN_STR_FMT(stop), stream ? "true" : "false") == 200);
        const mn_json *events = stream ? openai_events(&done) : NULL;
        mn_str text = stream ? openai_joined(events, 0, "text") : masto_str("choices.0.text");
        OK(mn_str_eq(text, mn_str_sub(all, 0, at)));
        IS(stream ? openai_joined(events, 0, "finish_reason")
                  : masto_str("choices.0.finish_reason"),
           "stop");
        if (!stream)
            OK(masto_at("choices.0.logprobs.tokens")->n == at); /* none of the stop's */
    }
    OK(v1("completions",
          "{\"prompt\":\"x\",\"stop\":[\"a\",\"b\",\"c\",\"d\",\"e\"],"
          "\"max_tokens\":9,\"logit_bias\":%s,\"seed\":3}",
          openai_letters) == 200);
    OK(v1("completions",
          "{\"prompt\":\"x\",\"stop\":[\"1\",\"1\",\"1\",\"1\",\"1\",\"1\",\"1\","
          "\"1\",\"1\",\"1\",\"1\",\"1\",\"1\",\"1\",\"1\",\"1\",\"1\"]}") == 400);
}

/* ---- streams ------------------------------------------------------------------------------------------------------- */

static void a_stream_says_what_a_whole_answer_says(void **s)
{
    (void)s;
    bool done;
    mn_str whole = mn_str_dup(&masto_arena, said(",\"seed\":8,\"logprobs\":true"));
    size_t tokens = masto_at("choices.0.logprobs.content")->n, streamed = 0;
    OK(v1("chat/completions",
          "{" HELLO ",\"max_tokens\":12,\"seed\":8,\"stream\":true,"
          "\"logprobs\":true,\"stream_options\":{\"include_usage\":true}}") == 200);
    OK(masto_says("text/event-stream"));
    const mn_json *events = openai_events(&done);
    OK(done && events->n > 3);
    IS(mn_json_str(openai_in(events, "0.choices.0.delta.role")), "assistant");
    IS(mn_json_str(openai_in(events, "0.object")), "chat.completion.chunk");
    OK(openai_in(events, "0.usage")->type == MN_JSON_NULL);
    OK(mn_str_eq(openai_joined(events, 0, "delta.content"), whole));
    IS(openai_joined(events, 0, "finish_reason"), "length");
    const mn_json *last = events->items[events->n - 1];
    OK(mn_json_get(last, "choices")->n == 0);
    OK(mn_json_u64(openai_in(last, "usage.completion_tokens"), 0) == 12);
    for (size_t i = 0; i < events->n; i++) {
        const mn_json *l = openai_in(events->items[i], "choices.0.logprobs.content");
        if (l) streamed += l->n;
        OK(mn_str_eq(mn_json_str(mn_json_get(events->items[i], "id")),
                     mn_json_str(openai_in(events, "0.id"))));
    }
    OK(streamed == tokens);
}

static void streams_of_several_choices_are_told_apart(void **s)
{
    (void)s;
    bool done;
    OK(v1("completions",
          "{\"prompt\":[\"a post\",\"the\"],\"n\":6,\"seed\":4,\"max_tokens\":7}") == 200);
    mn_str want[12];
    for (int i = 0; i < 12; i++) {
        char path[32];
        snprintf(path, sizeof path, "choices.%d.text", i);
        want[i] = mn_str_dup(&masto_arena, masto_str(path));
    }
    OK(v1("completions", "{\"prompt\":[\"a post\",\"the\"],\"n\":6,\"seed\":4,\"max_tokens\":7,"
                         "\"stream\":true}") == 200);
    const mn_json *events = openai_events(&done);
    OK(done);
    for (int i = 0; i < 12; i++) {
        OK(mn_str_eq(openai_joined(events, i, "text"), want[i]));
        OK(openai_joined(events, i, "finish_reason").len > 0);
    }
}

/* ---- structured output ----------------------------------------------------------------------------------------------- */

#define SCHEMA                                                                                 \
    "{\"type\":\"object\",\"properties\":{\"colour\":{\"enum\":[\"red\",\"green\"]},"          \
    "\"wet\":{\"type\":\"boolean\"},\"p\":{\"$ref\":\"#/$defs/point\"}},"                      \
    "\"required\":[\"colour\",\"wet\",\"p\"],\"additionalProperties\":false,"                  \
    "\"$defs\":{\"point\":{\"type\":\"object\",\"properties\":{\"x\":{\"type\":\"integer\","   \
    "\"minimum\":0,\"maximum\":9}},\"required\":[\"x\"],\"additionalProperties\":false}}}"

static const mn_json *parsed(mn_str text)
{
    mn_err e = {0};
    mn_json *v = NULL;
    RUN(mn_json_parse(text, &masto_arena, &v, &e));
    return v;
}

static void fits_the_schema(const mn_json *v)
{
    mn_str colour = mn_json_str(mn_json_get(v, "colour"));
    OK(v->n == 3 && (mn_str_eqz(colour, "red") || mn_str_eqz(colour, "green")));
    OK(mn_json_get(v, "wet")->type == MN_JSON_BOOL);
    OK(mn_json_u64(openai_in(v, "p.x"), 99) <= 9);
}

static void a_schema_is_kept_to(void **s)
{
    (void)s;
    for (int strict = 0; strict < 2; strict++)
        for (int seed = 0; seed < 8; seed++) {
            OK(v1("chat/completions",
                  "{" HELLO ",\"seed\":%d,\"response_format\":{\"type\":\"json_schema\","
                  "\"json_schema\":{\"name\":\"weather\",\"strict\":%s,\"schema\":" SCHEMA
                  "}}}",
                  seed, strict ? "true" : "false") == 200);
            IS(masto_str("choices.0.finish_reason"), "stop");
            fits_the_schema(parsed(masto_str("choices.0.message.content")));
        }
    OK(v1("chat/completions", "{" HELLO ",\"seed\":1,\"max_tokens\":200,\"response_format\":"
                              "{\"type\":\"json_object\"}}") == 200);
    if (mn_str_eqz(masto_str("choices.0.finish_reason"), "stop"))
        OK(parsed(masto_str("choices.0.message.content"))->type == MN_JSON_OBJECT);
    else OK(mn_str_starts(mn_str_trim(masto_str("choices.0.message.content")), "{"));
}

static void a_schema_that_is_not_understood_is_refused_by_name(void **s)
{
    (void)s;
    OK(v1("chat/completions", "{" HELLO ",\"response_format\":{\"type\":\"json_schema\","
                              "\"json_schema\":{\"name\":\"x\",\"schema\":{\"type\":\"object\","
                              "\"if\":{}}}}}") == 400);
    OK(openai_error("unsupported_value", "response_format"));
    OK(v1("chat/completions", "{" HELLO ",\"response_format\":{\"type\":\"xml\"}}") == 400);
    OK(openai_error("invalid_value", "response_format.type"));
    OK(v1("chat/completions", "{" HELLO ",\"response_format\":\"json\"}") == 400);
    OK(v1("chat/completions", "{" HELLO ",\"response_format\":{\"type\":\"json_schema\"}}") ==
       400);
    OK(openai_error("invalid_type", "response_format.json_schema"));
}

/* ---- tools ------------------------------------------------------------------------------------------------------------- */

#define TOOLS                                                                                  \
    "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"paint\",\"description\":"      \
    "\"x\","                                                                                   \
    "\"parameters\":" SCHEMA "}},{\"type\":\"function\",\"function\":{\"name\":\"stop_it\"}}," \
    "{\"type\":\"function\",\"function\":{\"name\":\"wet\",\"parameters\":{\"type\":"          \
    "\"object\","                                                                              \
    "\"properties\":{\"p\":{\"$ref\":\"#/$defs/point\"}},\"required\":[\"p\"],"                \
    "\"additionalProperties\":false,\"$defs\":{\"point\":{\"enum\":[1,2]}}}}}]"

static void a_named_tool_is_called_with_arguments_that_fit(void **s)
{
    (void)s;
    bool done;
    OK(v1("chat/completions", "{" HELLO ",\"seed\":6," TOOLS ",\"tool_choice\":{\"type\":"
                              "\"function\",\"function\":{\"name\":\"paint\"}}}") == 200);
    IS(masto_str("choices.0.finish_reason"), "tool_calls");
    OK(masto_at("choices.0.message.content")->type == MN_JSON_NULL);
    IS(masto_str("choices.0.message.tool_calls.0.type"), "function");
    OK(mn_str_starts(masto_str("choices.0.message.tool_calls.0.id"), "call_"));
    IS(masto_str("choices.0.message.tool_calls.0.function.name"), "paint");
    mn_str args = masto_str("choices.0.message.tool_calls.0.function.arguments");
    fits_the_schema(parsed(args));
    OK(v1("chat/completions",
          "{" HELLO ",\"seed\":6,\"stream\":true," TOOLS ",\"tool_choice\":"
          "{\"type\":\"function\",\"function\":{\"name\":\"paint\"}}}") == 200);
    const mn_json *events = openai_events(&done);
    OK(done);
    OK(mn_str_eq(openai_joined(events, 0, "delta.tool_calls.0.function.arguments"), args));
    IS(openai_joined(events, 0, "delta.tool_calls.0.function.name"), "paint");
    IS(openai_joined(events, 0, "finish_reason"), "tool_calls");
}

static void a_demanded_call_is_one_of_the_tools(void **s)
{
    (void)s;
    bool done;
    for (int seed = 0; seed < 10; seed++) {
        OK(v1("chat/completions",
              "{" HELLO ",\"seed\":%d," TOOLS ",\"tool_choice\":\"required\"}", seed) == 200);
        IS(masto_str("choices.0.finish_reason"), "tool_calls");
        mn_str name = masto_str("choices.0.message.tool_calls.0.function.name");
        const mn_json *args =
            parsed(masto_str("choices.0.message.tool_calls.0.function.arguments"));
        if (mn_str_eqz(name, "paint")) fits_the_schema(args);
        else if (mn_str_eqz(name, "stop_it")) OK(args->type == MN_JSON_OBJECT && args->n == 0);
        else {
            IS(name, "wet");
            OK(mn_json_u64(mn_json_get(args, "p"), 0) - 1 < 2);
        }
    }
    mn_str name =
        mn_str_dup(&masto_arena, masto_str("choices.0.message.tool_calls.0.function.name"));
    OK(v1("chat/completions", "{" HELLO ",\"seed\":9,\"stream\":true," TOOLS
                              ",\"tool_choice\":\"required\"}") == 200);
    const mn_json *events = openai_events(&done);
    OK(done && mn_str_eq(openai_joined(events, 0, "delta.tool_calls.0.function.name"), name));
    IS(openai_joined(events, 0, "delta.content"), "");
}

static void tools_that_are_not_called_leave_text(void **s)
{
    (void)s;
    OK(v1("chat/completions",
          "{" HELLO ",\"max_tokens\":8," TOOLS ",\"tool_choice\":\"auto\"}") == 200);
    OK(masto_str("choices.0.message.content").ptr && !masto_at("choices.0.message.tool_calls"));
    OK(v1("chat/completions",
          "{" HELLO ",\"max_tokens\":8," TOOLS ",\"tool_choice\":\"none\"}") == 200);
    OK(v1("chat/completions", "{" HELLO ",\"tools\":[],\"max_tokens\":2}") == 200);
}

static void tools_that_are_none_are_refused(void **s)
{
    (void)s;
    static const char *const wrong[] = {
        "\"tools\":{}",
        "\"tools\":[1]",
        "\"tools\":[{\"type\":\"web_search\"}]",
        "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"a b\"}}]",
        "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"a\",\"parameters\":[]}}]",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        OK(v1("chat/completions", "{" HELLO ",%s}", wrong[i]) == 400);
        IS(masto_str("error.param"), "tools");
    }
    OK(v1("chat/completions", "{" HELLO ",\"tool_choice\":\"required\"}") == 400 &&
       openai_error("invalid_value", "tool_choice"));
    OK(v1("chat/completions", "{" HELLO "," TOOLS ",\"tool_choice\":\"always\"}") == 400);
    OK(v1("chat/completions", "{" HELLO "," TOOLS ",\"tool_choice\":{\"type\":\"function\","
                              "\"function\":{\"name\":\"none_such\"}}}") == 400);
    OK(v1("chat/completions",
          "{" HELLO "," TOOLS ",\"tool_choice\":\"required\",\"response_format\":{\"type\":"
          "\"json_object\"}}") == 400 &&
       openai_error("invalid_value", "response_format"));
}

/* ---- responses --------------------------------------------------------------------------------------------------------- */

static void a_response_says_what_chat_says_in_another_shape(void **s)
{
    (void)s;
    OK(v1("chat/completions",
          "{\"messages\":[{\"role\":\"system\",\"content\":\"be kind\"},{\"role\":\"user\","
          "\"content\":\"hello there\"}],\"max_tokens\":9,\"seed\":4}") == 200);
    mn_str want = mn_str_dup(&masto_arena, masto_str("choices.0.message.content"));
    uint64_t prompt = masto_id("usage.prompt_tokens");
    OK(v1("responses",
          "{\"model\":\"tiny\",\"input\":\"hello there\",\"instructions\":\"be kind\","
          "\"max_output_tokens\":9,\"seed\":4}") == 200);
    IS(masto_str("object"), "response");
    IS(masto_str("output.0.type"), "message");
    IS(masto_str("output.0.content.0.type"), "output_text");
    OK(mn_str_eq(masto_str("output.0.content.0.text"), want));
    OK(masto_id("usage.input_tokens") == prompt && masto_id("usage.output_tokens") <= 9);
    OK(masto_at("usage.output_tokens_details.reasoning_tokens"));
    mn_str status = masto_str("status");
    OK(mn_str_eqz(status, "incomplete") || mn_str_eqz(status, "completed"));
    OK(v1("responses",
          "{\"input\":[{\"role\":\"developer\",\"content\":\"be kind\"},{\"type\":\"message\","
          "\"role\":\"user\",\"content\":[{\"type\":\"input_text\",\"text\":\"hello "
          "there\"}]}],"
          "\"max_output_tokens\":9,\"seed\":4}") == 200);
    OK(mn_str_eq(masto_str("output.0.content.0.text"), want));
}

static void a_response_streams_named_events(void **s)
{
    (void)s;
    bool done;
    mn_buf text;
    OK(v1("responses", "{\"input\":\"hello\",\"max_output_tokens\":9,\"seed\":4}") == 200);
    mn_str want = mn_str_dup(&masto_arena, masto_str("output.0.content.0.text"));
    OK(v1("responses",
          "{\"input\":\"hello\",\"max_output_tokens\":9,\"seed\":4,\"stream\":true}") == 200);
    OK(masto_says("event: response.created\n") &&
       masto_says("event: response.output_text.delta\n"));
    const mn_json *events = openai_events(&done);
    OK(!done && events->n > 5);
    mn_buf_init(&text, 0);
    for (size_t i = 0; i < events->n; i++) {
        OK(mn_json_u64(mn_json_get(events->items[i], "sequence_number"), 999) == i);
        if (mn_str_eqz(mn_json_str(mn_json_get(events->items[i], "type")),
                       "response.output_text.delta"))
            mn_buf_adds(&text, mn_json_str(mn_json_get(events->items[i], "delta")));
    }
    OK(mn_str_eq(mn_buf_str(&text), want));
    const mn_json *last = events->items[events->n - 1];
    OK(mn_str_eq(mn_json_str(openai_in(last, "response.output.0.content.0.text")), want));
    OK(openai_in(last, "response.usage.total_tokens"));
    mn_buf_release(&text);
}

static void a_response_may_call_a_function_and_keep_to_a_schema(void **s)
{
    (void)s;
    OK(v1("responses", "{\"input\":\"hello\",\"seed\":2,\"text\":{\"format\":{\"type\":"
                       "\"json_schema\",\"name\":\"w\",\"schema\":" SCHEMA "}}}") == 200);
    fits_the_schema(parsed(masto_str("output.0.content.0.text")));
    for (int stream = 0; stream < 2; stream++) {
        bool done;
        OK(v1("responses",
              "{\"input\":\"hello\",\"seed\":2,\"stream\":%s,\"tools\":[{\"type\":\"function\","
              "\"name\":\"paint\",\"strict\":true,\"parameters\":" SCHEMA "}],\"tool_choice\":"
              "{\"type\":\"function\",\"name\":\"paint\"}}",
              stream ? "true" : "false") == 200);
        const mn_json *r = stream ? NULL : masto_json();
        if (stream) {
            const mn_json *events = openai_events(&done);
            r = mn_json_get(events->items[events->n - 1], "response");
            OK(masto_says("event: response.function_call_arguments.done\n"));
        }
        IS(mn_json_str(openai_in(r, "output.0.type")), "function_call");
        IS(mn_json_str(openai_in(r, "output.0.name")), "paint");
        fits_the_schema(parsed(mn_json_str(openai_in(r, "output.0.arguments"))));
    }
    OK(v1("responses",
          "{\"input\":[{\"role\":\"user\",\"content\":\"x\"},{\"type\":\"function_call\","
          "\"call_id\":"
          "\"c\",\"name\":\"paint\",\"arguments\":\"{}\"},{\"type\":\"function_call_output\","
          "\"call_id\":\"c\",\"output\":\"done\"}],\"max_output_tokens\":2}") == 200);
}

static void what_a_response_cannot_be_is_refused(void **s)
{
    (void)s;
    OK(v1("responses", "{}") == 400 && openai_error("missing_required_parameter", "input"));
    OK(v1("responses", "{\"input\":5}") == 400 && openai_error("invalid_type", "input"));
    OK(v1("responses", "{\"input\":[5]}") == 400 && openai_error("invalid_type", "input"));
    OK(v1("responses", "{\"input\":[{\"type\":\"item_reference\",\"id\":\"x\"}]}") == 400 &&
       openai_error("unsupported_value", "input"));
    OK(v1("responses", "{\"input\":\"x\",\"previous_response_id\":\"resp_1\"}") == 400 &&
       openai_error("unsupported_value", "previous_response_id"));
    OK(v1("responses", "{\"input\":\"x\",\"background\":true}") == 400);
    OK(v1("responses", "{\"input\":\"x\",\"tools\":5}") == 400);
    OK(v1("responses", "{\"input\":\"x\",\"tools\":[5]}") == 400);
    OK(v1("responses", "{\"input\":\"x\",\"instructions\":5}") == 400 &&
       openai_error("invalid_type", "instructions"));
}

/* ---- embeddings -------------------------------------------------------------------------------------------------------- */

static double norm_of(const mn_json *v)
{
    double sum = 0;
    for (size_t i = 0; i < v->n; i++)
        sum += mn_json_f64(v->items[i], 0) * mn_json_f64(v->items[i], 0);
    return sqrt(sum);
}

static void texts_become_vectors_of_length_one(void **s)
{
    (void)s;
    OK(v1("embeddings", "{\"model\":\"tiny\",\"input\":\"the mynah\"}") == 200);
    IS(masto_str("object"), "list");
    IS(masto_str("data.0.object"), "embedding");
    IS(masto_str("model"), "tiny");
    const mn_json *one = masto_at("data.0.embedding");
    OK(one->n == 32 && fabs(norm_of(one) - 1) < 1e-4);
    OK(masto_id("usage.prompt_tokens") > 1 &&
       masto_id("usage.total_tokens") == masto_id("usage.prompt_tokens"));
    OK(v1("embeddings", "{\"input\":[\"a post\",\"the mynah\",\"grüße\"]}") == 200);
    OK(masto_at("data")->n == 3 && masto_id("data.2.index") == 2);
    for (size_t i = 0; i < 32; i++)
        OK(mn_json_f64(masto_at("data.1.embedding")->items[i], 9) ==
           mn_json_f64(one->items[i], 8));
    OK(v1("embeddings", "{\"input\":[200,201]}") == 200 && masto_at("data")->n == 1);
    OK(v1("embeddings", "{\"input\":[[200,201],[202]]}") == 200 && masto_at("data")->n == 2);
    OK(v1("embeddings", "{\"input\":\"the mynah\",\"dimensions\":8}") == 200);
    OK(masto_at("data.0.embedding")->n == 8 &&
       fabs(norm_of(masto_at("data.0.embedding")) - 1) < 1e-4);
}

static void vectors_in_base64_are_little_endian_floats(void **s)
{
    (void)s;
    uint8_t bytes[256];
    size_t n;
    OK(v1("embeddings", "{\"input\":\"the mynah\"}") == 200);
    const mn_json *one = masto_at("data.0.embedding");
    OK(v1("embeddings", "{\"input\":\"the mynah\",\"encoding_format\":\"base64\"}") == 200);
    OK(mn_base64_read(masto_str("data.0.embedding"), bytes, sizeof bytes, &n) == MN_OK &&
       n == 128);
    for (size_t i = 0; i < 32; i++) {
        uint32_t x = (uint32_t)bytes[4 * i] | (uint32_t)bytes[4 * i + 1] << 8 |
                     (uint32_t)bytes[4 * i + 2] << 16 | (uint32_t)bytes[4 * i + 3] << 24;
        float f;
        memcpy(&f, &x, 4);
        OK(f == (float)mn_json_f64(one->items[i], 9));
    }
}

static void many_inputs_are_answered_in_their_order(void **s)
{
    (void)s;
    mn_buf b;
    mn_buf_init(&b, 0);
    mn_buf_addz(&b, "{\"input\":[");
    for (int i = 0; i < 300; i++) mn_buf_addf(&b, "%s\"text %d\"", i ? "," : "", i % 7);
    mn_buf_addz(&b, "]}");
    OK(v1("embeddings", "%s", b.ptr) == 200);
    mn_buf_release(&b);
    const mn_json *data = masto_at("data");
    OK(data->n == 300);
    for (size_t i = 0; i < 300; i++) {
        OK(mn_json_u64(openai_in(data->items[i], "index"), 999) == i);
        OK(mn_json_f64(openai_in(data->items[i], "embedding.3"), 9) ==
           mn_json_f64(openai_in(data->items[i % 7], "embedding.3"), 8));
    }
}

static void what_cannot_be_embedded_is_refused(void **s)
{
    (void)s;
    OK(v1("embeddings", "{}") == 400 && openai_error("missing_required_parameter", "input"));
    OK(v1("embeddings", "{\"input\":\"\"}") == 400 && openai_error("invalid_value", "input"));
    OK(v1("embeddings", "{\"input\":[]}") == 400 && openai_error("invalid_value", "input"));
    OK(v1("embeddings", "{\"input\":5}") == 400 && openai_error("invalid_type", "input"));
    OK(v1("embeddings", "{\"input\":[\"a\",5]}") == 400);
    OK(v1("embeddings", "{\"input\":\"a\",\"dimensions\":33}") == 400 &&
       openai_error("invalid_value", "dimensions"));
    OK(v1("embeddings", "{\"input\":\"a\",\"dimensions\":0}") == 400);
    OK(v1("embeddings", "{\"input\":\"a\",\"encoding_format\":\"int8\"}") == 400 &&
       openai_error("invalid_value", "encoding_format"));
}

/* ---- what is refused ------------------------------------------------------------------------------------------------- */

static void every_field_of_a_wrong_type_is_named(void **s)
{
    (void)s;
    static const struct {
        const char *field, *value;
    } wrong[] = {
        {"model", "5"},
        {"temperature", "\"hot\""},
        {"temperature", "2.5"},
        {"temperature", "-1"},
        {"top_p", "true"},
        {"top_p", "1.1"},
        {"presence_penalty", "3"},
        {"frequency_penalty", "[]"},
        {"n", "0"},
        {"n", "1.5"},
        {"n", "\"2\""},
        {"n", "1000"},
        {"max_tokens", "0"},
        {"max_tokens", "\"5\""},
        {"max_completion_tokens", "-1"},
        {"seed", "\"x\""},
        {"seed", "1.5"},
        {"stop", "5"},
        {"stop", "[5]"},
        {"stop", "\"\""},
        {"stream", "1"},
        {"stream_options", "true"},
        {"logprobs", "2"},
        {"top_logprobs", "21"},
        {"logit_bias", "[]"},
        {"logit_bias", "{\"5\":\"x\"}"},
        {"user", "7"},
        {"tools", "\"x\""},
        {"parallel_tool_calls", "\"x\""},
        {"top_k", "\"x\""},
        {"min_p", "2"},
        {"repetition_penalty", "0"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        int status =
            v1("chat/completions", "{" HELLO ",\"%s\":%s}", wrong[i].field, wrong[i].value);
        if (status != 400 || !mn_str_eqz(masto_str("error.param"), wrong[i].field))
            fail_msg("%s: %s gave %d %.*s", wrong[i].field, wrong[i].value, status,
                     MN_STR_FMT(masto_body));
        OK(masto_str("error.code").len > 0);
        IS(masto_str("error.type"), "invalid_request_error");
    }
}

static void messages_that_are_none_are_refused(void **s)
{
    (void)s;
    static const struct {
        const char *messages, *param;
    } wrong[] = {
        {"null", "messages"},
        {"\"hi\"", "messages"},
        {"[]", "messages"},
        {"[5]", "messages"},
        {"[{}]", "messages"},
        {"[{\"role\":\"king\",\"content\":\"x\"}]", "messages"},
        {"[{\"role\":\"user\"}]", "messages[0].content"},
        {"[{\"role\":\"user\",\"content\":5}]", "messages[0].content"},
        {"[{\"role\":\"user\",\"content\":[5]}]", "messages[0].content"},
        {"[{\"role\":\"user\",\"content\":[{\"type\":\"image_url\"}]}]", "messages[0].content"},
        {"[{\"role\":\"user\",\"content\":[{\"type\":\"text\"}]}]", "messages[0].content"},
        {"[{\"role\":\"assistant\",\"tool_calls\":5}]", "messages[0].tool_calls"},
        {"[{\"role\":\"assistant\",\"tool_calls\":[{}]}]", "messages[0].tool_calls"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        OK(v1("chat/completions", "{\"messages\":%s}", wrong[i].messages) == 400);
        if (!mn_str_eqz(masto_str("error.param"), wrong[i].param))
            fail_msg("%s gave %.*s", wrong[i].messages, MN_STR_FMT(masto_body));
    }
}

static void bodies_that_are_no_requests_are_refused(void **s)
{
    (void)s;
    OK(v1("chat/completions", "%s", "") == 400);
    OK(v1("chat/completions", "%s", "[]") == 400 && openai_error("invalid_type", NULL));
    OK(v1("chat/completions", "%s", "{\"a\":}") == 400 && openai_error("invalid_json", NULL));
    OK(v1("chat/completions", "%s", "{\"messages\":[]} x") == 400);
    OK(v1("chat/completions", "%s", "{\"n\":1,\"n\":2}") == 400);
    char deep[1000];
    memset(deep, '[', sizeof deep - 1);
    deep[sizeof deep - 1] = 0;
    OK(v1("chat/completions", "{\"x\":%s", deep) == 400 && openai_error("invalid_json", NULL));
}

static void huge_bodies_are_refused(void **s)
{
    (void)s;
    size_t n = 3u << 20;
    char *big = malloc(n + 64);
    memset(big, '1', n);
    for (size_t i = 1; i < n; i += 2) big[i] = ',';
    memcpy(big, "{\"x\":[1", 7);
    memcpy(big + n - 2, "1]}", 4);
    int status = openai_send("POST", "/v1/completions", openai_key, NULL, big, n + 1);
    OK(status == 413 && openai_error("request_too_large", NULL)); /* too many values */
    n = 5u << 20;
    big = realloc(big, n);
    memset(big, ' ', n);
    status = openai_send("POST", "/v1/completions", openai_key, NULL, big, n);
    OK(status == 413 && openai_error("request_too_large", NULL));
    free(big);
}

static void prompts_longer_than_the_context_are_refused(void **s)
{
    (void)s;
    char text[3000];
    memset(text, 0, sizeof text);
    for (size_t i = 0; i < 2900; i += 2) memcpy(text + i, "x ", 2);
    OK(v1("chat/completions", "{\"messages\":[{\"role\":\"user\",\"content\":\"%s\"}]}",
          text) == 400);
    OK(openai_error("context_length_exceeded", "messages"));
    OK(v1("completions", "{\"prompt\":\"%s\"}", text) == 400 &&
       openai_error("context_length_exceeded", "prompt"));
    OK(v1("embeddings", "{\"input\":\"%s\"}", text) == 400 &&
       openai_error("context_length_exceeded", "input"));
    OK(v1("completions", "{\"prompt\":\"x\",\"max_tokens\":100000,\"seed\":1}") == 200);
    OK(masto_id("usage.total_tokens") <= 513); /* the last token need not be remembered */
}

static void addresses_that_are_none_have_errors_of_the_same_shape(void **s)
{
    (void)s;
    OK(v1_get("nothing") == 404 && openai_error("unknown_url", NULL));
    OK(v1_get("chat/completions") == 405 && openai_error("method_not_supported", NULL));
    OK(masto_says("Allow: POST"));
    OK(v1("models", "{}") == 405);
    OK(openai_send("DELETE", "/v1/models/tiny", openai_key, NULL, NULL, 0) == 405);
}

static void browsers_may_ask_from_elsewhere(void **s)
{
    (void)s;
    OK(openai_send("OPTIONS", "/v1/chat/completions", NULL,
                   "Origin: https://app.example\r\nAccess-Control-Request-Headers: "
                   "authorization,content-type,x-stainless-os\r\n",
                   NULL, 0) == 204);
    OK(masto_says("Access-Control-Allow-Origin: *") && masto_says("x-stainless-os"));
    OK(masto_says("Access-Control-Allow-Methods: GET, HEAD, POST, OPTIONS"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(models_are_listed_the_promoted_one_first),
        TEST(an_answer_of_chat_has_openais_shape),
        TEST(the_promoted_model_answers_to_its_name_and_to_none),
        TEST(the_same_seed_gives_the_same_answer_and_another_another),
        TEST(a_repeated_prompt_is_found_in_the_cache),
        TEST(several_choices_are_several_answers),
        TEST(messages_may_have_parts_and_every_role),
        TEST(control_tokens_in_messages_stay_text),
        TEST(a_text_goes_on),
        TEST(prompts_may_be_lists_and_tokens),
        TEST(log_probabilities_of_chat_are_those_of_the_tokens),
        TEST(log_probabilities_of_completions_have_their_own_shape),
        TEST(a_bias_decides),
        TEST(stops_end_the_answer_before_them),
        TEST(a_stream_says_what_a_whole_answer_says),
        TEST(streams_of_several_choices_are_told_apart),
        TEST(a_schema_is_kept_to),
        TEST(a_schema_that_is_not_understood_is_refused_by_name),
        TEST(a_named_tool_is_called_with_arguments_that_fit),
        TEST(a_demanded_call_is_one_of_the_tools),
        TEST(tools_that_are_not_called_leave_text),
        TEST(tools_that_are_none_are_refused),
        TEST(a_response_says_what_chat_says_in_another_shape),
        TEST(a_response_streams_named_events),
        TEST(a_response_may_call_a_function_and_keep_to_a_schema),
        TEST(what_a_response_cannot_be_is_refused),
        TEST(texts_become_vectors_of_length_one),
        TEST(vectors_in_base64_are_little_endian_floats),
        TEST(many_inputs_are_answered_in_their_order),
        TEST(what_cannot_be_embedded_is_refused),
        TEST(every_field_of_a_wrong_type_is_named),
        TEST(messages_that_are_none_are_refused),
        TEST(bodies_that_are_no_requests_are_refused),
        TEST(huge_bodies_are_refused),
        TEST(prompts_longer_than_the_context_are_refused),
        TEST(addresses_that_are_none_have_errors_of_the_same_shape),
        TEST(browsers_may_ask_from_elsewhere),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
