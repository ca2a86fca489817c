"""Microsoft's own client library works against the endpoint as its documentation shows, sync and async."""

import asyncio
import base64
import contextlib
import json
import struct

import pytest
from azure.ai.inference import (
    ChatCompletionsClient,
    EmbeddingsClient,
    ImageEmbeddingsClient,
    aio,
    load_client,
)
from azure.ai.inference.models import (
    AssistantMessage,
    ChatCompletionsToolDefinition,
    FunctionDefinition,
    ImageEmbeddingInput,
    JsonSchemaFormat,
    SystemMessage,
    ToolMessage,
    UserMessage,
)
from azure.core.credentials import AzureKeyCredential
from azure.core.exceptions import ClientAuthenticationError, HttpResponseError
from azure.identity import DefaultAzureCredential
from azure.identity.aio import DefaultAzureCredential as AsyncDefaultAzureCredential

from azure_inference_local import serve
from tests.local.fake_engines import engines

PIXEL = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
WEATHER = ChatCompletionsToolDefinition(
    function=FunctionDefinition(
        name="get_weather",
        description="The weather of a city",
        parameters={"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    )
)
MESSAGES = [SystemMessage("Be short."), UserMessage("What a fine day")]


@pytest.fixture(params=["sync", "aio"])
def call(request):
    """Call a method of a client of either kind: `call(client_class, endpoint, key, work)`."""
    asynchronous = request.param == "aio"

    def run(name, url, credential, method, *args, options=None, **kwargs):
        options = options or {}
        if not asynchronous:
            cls = {c.__name__: c for c in (ChatCompletionsClient, EmbeddingsClient, ImageEmbeddingsClient)}[
                name
            ]
            with cls(url, credential, **options) as client:
                result = getattr(client, method)(*args, **kwargs)
                if not kwargs.get("stream"):
                    return result
                with result:  # at `[DONE]` the library stops reading and leaves the answer open
                    return list(result)

        async def work():
            """Do the same with the async client."""
            async with getattr(aio, name)(url, credential, **options) as client:
                result = await getattr(client, method)(*args, **kwargs)
                if not kwargs.get("stream"):
                    return result
                async with result:
                    return [update async for update in result]

        return asyncio.run(work())

    run.asynchronous = asynchronous
    return run


def test_chat(call, endpoint):
    """A chat has one choice with text, a finish reason and usage that adds up."""
    answer = call(
        "ChatCompletionsClient", endpoint.url, AzureKeyCredential(endpoint.key), "complete", messages=MESSAGES
    )
    assert answer.choices[0].message.content == "What a fine day"
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens
    assert len(answer.id) == 32
    assert answer.created.year > 2020


def test_stream(call, endpoint):
    """A stream's text is whole; the last update has the finish reason and the usage, only the first a role."""
    updates = call(
        "ChatCompletionsClient",
        endpoint.url,
        AzureKeyCredential(endpoint.key),
        "complete",
        messages=MESSAGES,
        stream=True,
    )
    assert "".join(u.choices[0].delta.content or "" for u in updates) == "What a fine day"
    assert [bool(u.choices[0].delta.role) for u in updates] == [True] + [False] * (len(updates) - 1)
    assert updates[-1].choices[0].finish_reason == "stop"
    assert updates[-1].usage.total_tokens == 9
    assert all(u.usage is None for u in updates[:-1])


@pytest.mark.parametrize("family", ["local", "mistral-large", "cohere-command-r"])
def test_tools(call, endpoint, family):
    """The documentation's tool loop: a call with an id, then the answer to the tool's result."""
    url, key = endpoint.url_of(family), AzureKeyCredential(endpoint.key)
    answer = call(
        "ChatCompletionsClient", url, key, "complete", messages=[UserMessage("Weather?")], tools=[WEATHER]
    )
    called = answer.choices[0].message.tool_calls[0]
    assert answer.choices[0].finish_reason == "tool_calls"
    assert (called.function.name, called.function.arguments) == ("get_weather", '{"city": "Paris"}')
    messages = [
        UserMessage("Weather?"),
        AssistantMessage(tool_calls=[called]),
        ToolMessage(tool_call_id=called.id, content='{"sky": "blue"}'),
    ]
    answer = call("ChatCompletionsClient", url, key, "complete", messages=messages)
    assert answer.choices[0].message.content == '{"sky": "blue"}'


def test_streamed_tools(call, endpoint):
    """A streamed tool call has id and name first and its arguments in pieces."""
    updates = call(
        "ChatCompletionsClient",
        endpoint.url,
        AzureKeyCredential(endpoint.key),
        "complete",
        messages=[UserMessage("Weather?")],
        tools=[WEATHER],
        stream=True,
    )
    parts = [part for u in updates for part in u.choices[0].delta.tool_calls or ()]
    assert parts[0].id
    assert parts[0].function.name == "get_weather"
    assert "".join(part.function.arguments for part in parts) == '{"city": "Paris"}'
    assert all(part["index"] == 0 for part in parts)


@pytest.mark.parametrize(
    "form", ["json_object", JsonSchemaFormat(name="said", schema={"type": "object"}, strict=True)]
)
def test_response_format(call, endpoint, form):
    """Both structured formats are taken."""
    answer = call(
        "ChatCompletionsClient",
        endpoint.url,
        AzureKeyCredential(endpoint.key),
        "complete",
        messages=MESSAGES,
        response_format=form,
    )
    assert answer.choices[0].message.content == '{"said": "yes"}'


def test_embeddings(call, endpoint):
    """Float and base64 hold the same vectors."""
    key = AzureKeyCredential(endpoint.key)
    floats = call("EmbeddingsClient", endpoint.url, key, "embed", input=["one", "two"], input_type="query")
    packed = call(
        "EmbeddingsClient", endpoint.url, key, "embed", input=["one", "two"], encoding_format="base64"
    )
    for plain, text in zip(floats.data, packed.data, strict=True):
        raw = base64.b64decode(text.embedding)
        assert list(struct.unpack(f"<{len(raw) // 4}f", raw)) == pytest.approx(plain.embedding, abs=1e-6)
    assert floats.usage.total_tokens == floats.usage.prompt_tokens == 2


@pytest.mark.parametrize("encoding", ["int8", "uint8", "binary", "ubinary"])
def test_integer_embeddings(call, endpoint, encoding):
    """The integer formats are lists of whole numbers."""
    url = endpoint.url_of("cohere-embed-v3")
    key = AzureKeyCredential(endpoint.key)
    vector = call("EmbeddingsClient", url, key, "embed", input=["one"], encoding_format=encoding)["data"][0][
        "embedding"
    ]
    assert len(vector) == (1024 if encoding.endswith("int8") else 128)
    assert all(isinstance(number, int) for number in vector)


def test_image_embeddings(call, endpoint):
    """An image as a data URL becomes a vector."""
    answer = call(
        "ImageEmbeddingsClient",
        endpoint.url_of("local-images"),
        AzureKeyCredential(endpoint.key),
        "embed",
        input=[ImageEmbeddingInput(image=PIXEL)],
    )
    assert len(answer.data[0].embedding) == 16


def test_info(call, endpoint):
    """`get_model_info` names model, type and provider."""
    key = AzureKeyCredential(endpoint.key)
    info = call("ChatCompletionsClient", endpoint.url_of("mistral-large"), key, "get_model_info")
    assert (info.model_name, info.model_type, info.model_provider_name) == (
        "Mistral-large-2407",
        "chat-completion",
        "MistralAI",
    )


@pytest.mark.parametrize(
    ("family", "kind"),
    [
        ("local", "ChatCompletionsClient"),
        ("jamba", "ChatCompletionsClient"),
        ("local-embeddings", "EmbeddingsClient"),
        ("cohere-embed-v3", "EmbeddingsClient"),
        ("local-images", "ImageEmbeddingsClient"),
    ],
)
def test_load_client(endpoint, family, kind):
    """`load_client` finds the client that fits the deployment."""
    key = AzureKeyCredential(endpoint.key)
    with load_client(endpoint.url_of(family), key) as client:
        assert type(client).__name__ == kind

    async def load():
        """Do the same with the async client."""
        async with await aio.load_client(endpoint.url_of(family), key) as client:
            return type(client).__name__

    assert asyncio.run(load()) == kind


def test_model_extras(call, endpoint, echo):
    """`model_extras` are passed through to the engine."""
    answer = call(
        "ChatCompletionsClient",
        endpoint.url,
        AzureKeyCredential(endpoint.key),
        "complete",
        messages=MESSAGES,
        model_extras={"n": 2, "top_k": 7},
    )
    assert len(answer.choices) == 2
    assert echo.bodies[-1]["top_k"] == 7


def test_validation_error_of_the_documentation(call, endpoint):
    """The documentation's own handler of a 422 works on the answer of a default deployment."""
    with pytest.raises(HttpResponseError) as caught:
        call(
            "ChatCompletionsClient",
            endpoint.url_of("mistral-large"),
            AzureKeyCredential(endpoint.key),
            "complete",
            messages=MESSAGES,
            model_extras={"n": 2},
        )
    assert caught.value.status_code == 422
    found = json.loads(caught.value.response.text())["detail"][0]
    assert (".".join(found["loc"]), found["input"]) == ("body.n", 2)


def test_wrong_key(call, endpoint):
    """A wrong key is the library's authentication error with the service's text."""
    with pytest.raises(ClientAuthenticationError, match="auth token validation failed"):
        call(
            "ChatCompletionsClient", endpoint.url, AzureKeyCredential("wrong"), "complete", messages=MESSAGES
        )


@pytest.fixture(scope="module")
def secure():
    """A server with TLS."""
    with serve(families=["azure-openai"], tls=True, engines=engines()) as running:
        yield running


@pytest.mark.parametrize("asynchronous", [False, True])
@pytest.mark.parametrize("base", ["serverless", "foundry", "azure-openai"])
def test_entra_over_tls(secure, monkeypatch, asynchronous, base):
    """An unmodified DefaultAzureCredential gets a token here and opens the endpoint over https."""
    for name, value in secure.identity.items():
        monkeypatch.setenv(name, value)
    url = {
        "serverless": secure.url,
        "foundry": secure.models_url,
        "azure-openai": secure.deployment_url("azure-openai"),
    }[base]
    options = {"connection_verify": secure.ca_bundle}
    if base != "serverless":
        options["credential_scopes"] = ["https://cognitiveservices.azure.com/.default"]
    if not asynchronous:
        with (
            DefaultAzureCredential() as credential,
            ChatCompletionsClient(url, credential, **options) as client,
        ):
            answer = client.complete(messages=MESSAGES, model="local")
    else:

        async def work():
            """Do the same with the async client."""
            async with (
                AsyncDefaultAzureCredential() as credential,
                aio.ChatCompletionsClient(url, credential, **options) as client,
            ):
                return await client.complete(messages=MESSAGES, model="local")

        answer = asyncio.run(work())
    assert answer.choices[0].message.content == "What a fine day"


def test_wrong_audience(secure, monkeypatch):
    """A token for the SDK's default scope is refused where the service refuses it."""
    for name, value in secure.identity.items():
        monkeypatch.setenv(name, value)
    with contextlib.ExitStack() as stack:
        credential = stack.enter_context(DefaultAzureCredential())
        client = stack.enter_context(
            ChatCompletionsClient(secure.models_url, credential, connection_verify=secure.ca_bundle)
        )
        with pytest.raises(ClientAuthenticationError, match="audience is incorrect"):
            client.complete(messages=MESSAGES, model="local")
