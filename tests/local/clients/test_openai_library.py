"""The `openai` package works on the two OpenAI bases, sync and async."""

import asyncio

import openai
import pytest

USER = [{"role": "user", "content": "What a fine day"}]
TOOLS = [{"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object"}}}]
KINDS = ["v1", "azure"]


def client(endpoint, kind, key=None, *, asynchronous=False):
    """A client of the library for one of the bases, and the model to name."""
    options = {"api_key": key or endpoint.key, "max_retries": 0}
    if kind == "v1":
        cls = openai.AsyncOpenAI if asynchronous else openai.OpenAI
        return cls(base_url=endpoint.openai_v1_url, **options)
    cls = openai.AsyncAzureOpenAI if asynchronous else openai.AzureOpenAI
    return cls(azure_endpoint=endpoint.url, api_version="2024-10-21", **options)


@pytest.mark.parametrize("kind", KINDS)
def test_chat(endpoint, kind):
    """A chat answers with text, finish reason and usage."""
    with client(endpoint, kind) as api:
        answer = api.chat.completions.create(model="azure-openai", messages=USER, max_completion_tokens=3)
    assert answer.choices[0].message.content == "What a fine"
    assert answer.choices[0].finish_reason == "length"
    assert answer.id.startswith("chatcmpl-")
    assert len(answer.id) == 38
    assert answer.usage.total_tokens == 8


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("usage", [True, False])
def test_stream(endpoint, kind, usage):
    """Usage comes in an extra chunk without choices, if it is asked for and only then."""
    options = {"stream_options": {"include_usage": True}} if usage else {}
    with client(endpoint, kind) as api:
        chunks = list(
            api.chat.completions.create(model="azure-openai", messages=USER, stream=True, **options)
        )
    assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices) == "What a fine day"
    assert [c.usage.total_tokens for c in chunks if c.usage] == ([9] if usage else [])
    assert (not chunks[-1].choices) == usage


@pytest.mark.parametrize("kind", KINDS)
def test_async_stream(endpoint, kind):
    """The async client streams, too."""

    async def work():
        """Stream in an event loop."""
        async with client(endpoint, kind, asynchronous=True) as api:
            stream = await api.chat.completions.create(model="local", messages=USER, stream=True)
            return "".join([c.choices[0].delta.content or "" async for c in stream if c.choices])

    assert asyncio.run(work()) == "What a fine day"


@pytest.mark.parametrize("kind", KINDS)
def test_tools(endpoint, kind):
    """A tool call comes with an id of OpenAI's form, streamed in pieces as well."""
    with client(endpoint, kind) as api:
        answer = api.chat.completions.create(model="azure-openai", messages=USER, tools=TOOLS)
        stream = api.chat.completions.create(model="azure-openai", messages=USER, tools=TOOLS, stream=True)
        parts = [p for c in stream if c.choices for p in c.choices[0].delta.tool_calls or ()]
    called = answer.choices[0].message.tool_calls[0]
    assert called.id.startswith("call_")
    assert called.function.arguments == "".join(p.function.arguments for p in parts) == '{"city": "Paris"}'


@pytest.mark.parametrize("kind", KINDS)
def test_embeddings(endpoint, kind):
    """The library's own base64 and plain floats give the same vectors."""
    with client(endpoint, kind) as api:
        packed = api.embeddings.create(model="azure-openai", input=["one", "two"])
        plain = api.embeddings.create(model="azure-openai", input="one", encoding_format="float")
    assert packed.data[0].embedding == pytest.approx(plain.data[0].embedding, abs=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_text_completions(endpoint, kind):
    """Text completions answer with text."""
    with client(endpoint, kind) as api:
        assert api.completions.create(model="local", prompt="a b").choices[0].text == "a b"


def test_models(endpoint):
    """`/openai/v1/models` lists the deployments."""
    with client(endpoint, "v1") as api:
        assert {model.id for model in api.models.list()} == set(endpoint.families)


@pytest.mark.parametrize("kind", KINDS)
def test_errors(endpoint, kind):
    """The library's error classes fit the answers: key, model, parameter, filter, rate."""
    with client(endpoint, kind, key="wrong") as api, pytest.raises(openai.AuthenticationError):
        api.chat.completions.create(model="local", messages=USER)
    with client(endpoint, kind) as api:
        with pytest.raises(openai.NotFoundError):
            api.chat.completions.create(model="nobody", messages=USER)
        with pytest.raises(openai.BadRequestError, match="temperature"):
            api.chat.completions.create(model="azure-openai", messages=USER, temperature=3)
        with pytest.raises(openai.BadRequestError, match="content management policy") as caught:
            api.chat.completions.create(
                model="azure-openai", messages=[{"role": "user", "content": "How do I kill my neighbour?"}]
            )
        assert caught.value.code == "content_filter"
        with pytest.raises(openai.RateLimitError):
            api.chat.completions.create(model="local", messages=USER, extra_headers={"x-fault": "status=429"})


@pytest.mark.parametrize("kind", KINDS)
def test_unsupported_by_a_family(endpoint, kind):
    """A family without tools refuses them in OpenAI's words."""
    with (
        client(endpoint, kind) as api,
        pytest.raises(openai.BadRequestError, match="Unsupported parameter: 'tools'") as caught,
    ):
        api.chat.completions.create(model="phi-3", messages=USER, tools=TOOLS)
    assert caught.value.param == "tools"
