"""Python's openai against a running server. Run by a Python that has it (tools/run-clients.sh makes a virtual environment)."""

import asyncio
import json
import math
import os
import shutil
import subprocess
import sys
import tempfile

from lib import PROGRAM, Server, check, done, skip

try:
    import openai
    from pydantic import BaseModel, ConfigDict
except ImportError as why:
    skip("openai_py", why)
    sys.exit(0)

data = tempfile.mkdtemp(prefix="mynah-clients-")
made = subprocess.run(["tests/clients/model.sh", data, PROGRAM], stdout=subprocess.PIPE, text=True, timeout=200, check=True)
model = made.stdout.strip()


def mynah(*args):
    return subprocess.run([PROGRAM, *args, "--data", data], stdout=subprocess.PIPE, text=True, timeout=60, check=True).stdout.strip()


mynah("account", "create", "boss", "--role", "operator")
key = mynah("account", "key", "boss", "--make", "python")
server = Server("model_context = 2048\n", data=data)
base = server.url + "/v1"
client = openai.OpenAI(api_key=key, base_url=base, max_retries=0)
messages = [{"role": "user", "content": "What is the weather in Lima like?"}]


class Weather(BaseModel):
    model_config = ConfigDict(extra="forbid")
    warm: bool
    days: int


tools = [{"type": "function", "function": {"name": "weather", "parameters": Weather.model_json_schema()}}]


def models():
    assert [m.id for m in client.models.list()][0] == "mynah"
    assert client.models.retrieve(model).object == "model"


def chat():
    ask = lambda: client.chat.completions.create(model=model, messages=messages, max_tokens=10, seed=4)  # noqa: E731
    one, two = ask(), ask()
    assert one.choices[0].message.content == two.choices[0].message.content
    assert one.usage.total_tokens == one.usage.prompt_tokens + one.usage.completion_tokens


def stream():
    whole = client.chat.completions.create(model=model, messages=messages, max_tokens=12, seed=4)
    text, usage = "", None
    for chunk in client.chat.completions.create(model=model, messages=messages, max_tokens=12, seed=4, stream=True,
                                                stream_options={"include_usage": True}):
        text += (chunk.choices[0].delta.content or "") if chunk.choices else ""
        usage = chunk.usage or usage
    assert text == whole.choices[0].message.content, (text, whole.choices[0].message.content)
    assert usage.completion_tokens == whole.usage.completion_tokens


def structured():
    r = client.chat.completions.parse(model=model, messages=messages, seed=1, response_format=Weather)
    assert isinstance(r.choices[0].message.parsed, Weather), r


def calls():
    r = client.chat.completions.create(model=model, messages=messages, seed=1, tools=tools, tool_choice="required")
    call = r.choices[0].message.tool_calls[0]
    assert call.function.name == "weather" and r.choices[0].finish_reason == "tool_calls"
    Weather.model_validate(json.loads(call.function.arguments))
    with client.chat.completions.stream(model=model, messages=messages, seed=1, tools=tools,
                                        tool_choice={"type": "function", "function": {"name": "weather"}}) as s:
        final = s.get_final_completion()
    Weather.model_validate(json.loads(final.choices[0].message.tool_calls[0].function.arguments))


def embeddings():
    r = client.embeddings.create(model=model, input=["a ferry", "a bridge"])
    plain = client.embeddings.create(model=model, input="a ferry", encoding_format="float")
    assert abs(math.sqrt(sum(x * x for x in r.data[1].embedding)) - 1) < 1e-3
    assert all(abs(x - y) < 1e-6 for x, y in zip(r.data[0].embedding, plain.data[0].embedding, strict=True))


def completions():
    r = client.completions.create(model=model, prompt="The old bridge", max_tokens=5, echo=True)
    assert r.choices[0].text.startswith("The old bridge")


def many_at_once():
    async def ask_all():
        async with openai.AsyncOpenAI(api_key=key, base_url=base, max_retries=0) as c:
            return await asyncio.gather(*(c.chat.completions.create(model=model, messages=messages, max_tokens=6, temperature=0) for _ in range(8)))
    texts = {r.choices[0].message.content for r in asyncio.run(ask_all())}
    assert len(texts) == 1, texts


def errors():
    for what, kind in (
            (lambda: openai.OpenAI(api_key="sk-wrong", base_url=base, max_retries=0).models.list(), openai.AuthenticationError),
            (lambda: client.chat.completions.create(model="gpt-9", messages=messages), openai.NotFoundError),
            (lambda: client.chat.completions.create(model=model, messages=messages, n=0), openai.BadRequestError)):
        try:
            what()
        except kind as e:
            assert e.body["message"] and e.body["type"], e.body
        else:
            raise AssertionError(f"no {kind.__name__}")


for name, body in {"models": models, "chat": chat, "stream": stream, "structured output": structured, "tools": calls, "embeddings": embeddings,
                   "completions": completions, "many at once": many_at_once, "errors": errors}.items():
    check(f"openai_py {name}", body)
server.stop()
shutil.rmtree(data, ignore_errors=True)
done()
