"""Each family through both providers: what it supports works, what it refuses is the native exception that names it."""

import json

import pytest

from azure_inference_local import FAMILIES
from tests.local.clients.providers import LangChain, LlamaIndex

USER = [{"role": "user", "content": "hello there"}]
TOOL = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather of a city",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
FORMATS = {
    "json_object": {"type": "json_object"},
    "json_schema": {
        "type": "json_schema",
        "json_schema": {
            "name": "said",
            "schema": {"type": "object", "properties": {"said": {"type": "string"}}},
        },
    },
}
EXTRAS = {
    "n": 2,
    "logprobs": True,
    "top_logprobs": 1,
    "logit_bias": {"5": 1},
    "user": "u",
    "best_of": 1,
    "echo": False,
    "suffix": "",
    "top_k": 5,
    "ignore_eos": False,
    "min_tokens": 1,
    "use_beam_search": False,
    "stop_token_ids": [2],
    "skip_special_tokens": True,
    "max_completion_tokens": 50,
    "parallel_tool_calls": True,
    "random_seed": 7,
    "safe_prompt": True,
    "safe_mode": True,
    "documents": [{"content": "facts"}],
    "store": False,
    "metadata": {},
    "service_tier": "auto",
}
"""A good value of every extra a family understands; `stream_options` belongs to the client."""
CHAT = [name for name, family in FAMILIES.items() if "chat" in family.routes]
EMBED = [name for name, family in FAMILIES.items() if "embeddings" in family.routes]
OPENAI = "azure-openai"


def takes_json(family, kind):
    """Whether a family writes JSON of a kind."""
    return kind in family.response_formats and "managed-json" not in family.quirks


def refused_by(name):
    """Yield the calls a chat family refuses, each with the name its error has to tell."""
    family = FAMILIES[name]
    yield {"temperature": family.temperature_max + 0.5}, "temperature"
    yield {"max_tokens": family.max_output + 1}, "max_tokens"
    for kind, form in FORMATS.items():
        if not takes_json(family, kind):
            yield {"response_format": form}, "response_format"
    if not family.tools:
        yield {"tools": [TOOL]}, "tools"
    if family.strict:
        yield {"colour": "red"}, "colour"
    if name != OPENAI:
        yield {"colour": "red", "extra_parameters": "error"}, "colour"
    if "n" in family.extras:
        yield {"n": 17}, "n"


REFUSED = [(name, params, named) for name in CHAT for params, named in refused_by(name)]


@pytest.fixture(params=[LangChain, LlamaIndex], ids=["langchain", "llamaindex"])
def provider(request):
    """Either provider."""
    return request.param


@pytest.fixture
def at(endpoint, provider):
    """Return the provider at a family's own base: `at("jamba")`."""

    def make(name):
        url = endpoint.deployment_url(name) if name == OPENAI else endpoint.url_of(name)
        return provider(url, endpoint.key)

    return make


def names_it(error, named):
    """Whether an error is about one parameter, in its attribute and in its text."""
    first = [parameter.name.split(".")[0].split("[")[0] for parameter in error.parameters]
    return named in first and named in str(error)


@pytest.mark.parametrize("name", CHAT)
def test_chat_and_stream(at, name):
    """A plain chat is answered, whole and streamed, and the stream tells its usage."""
    model = at(name)
    assert model.chat(USER).text == "hello there"
    streamed = model.stream(USER)
    assert streamed.text == "hello there"
    assert streamed.usage["total_tokens"] == 7


@pytest.mark.parametrize("name", CHAT)
async def test_chat_and_stream_async(at, name):
    """The same, awaited."""
    model = at(name)
    assert (await model.achat(USER)).text == (await model.astream(USER)).text == "hello there"


@pytest.mark.parametrize("name", CHAT)
def test_completion(at, name):
    """A text is continued."""
    assert at(name).complete("once upon a time") == "once upon a time"


@pytest.mark.parametrize("name", [name for name in CHAT if FAMILIES[name].tools])
def test_tools(at, echo, name):
    """A tool is called, and its result goes back under the id the family gave the call."""
    said = at(name).round_trip(USER, TOOL, '{"sky": "blue"}')
    assert said.text == '{"sky": "blue"}'
    (identity,) = said.calls
    assert echo.bodies[-1]["messages"][-1]["tool_call_id"] == identity
    if "nine-character-tool-ids" in FAMILIES[name].quirks:
        assert (len(identity), identity.isalnum()) == (9, True)


@pytest.mark.parametrize(
    ("name", "kind"), [(n, kind) for n in CHAT for kind in FORMATS if takes_json(FAMILIES[n], kind)]
)
def test_json(at, name, kind):
    """JSON is written where the family writes it."""
    assert json.loads(at(name).chat(USER, response_format=FORMATS[kind]).text) == {"said": "yes"}


@pytest.mark.parametrize("name", CHAT)
def test_extras(at, echo, name):
    """Every extra the family understands is taken from a call, and `n` gives so many choices."""
    family = FAMILIES[name]
    extras = {key: EXTRAS[key] for key in family.extras if key != "stream_options"}
    said = at(name).chat(USER, **extras)
    assert said.choices == extras.get("n", 1)
    assert echo.bodies[-1].get("top_k") == extras.get("top_k")
    assert echo.bodies[-1].get("seed") == extras.get("random_seed")


@pytest.mark.parametrize(
    ("name", "params", "named"), REFUSED, ids=[f"{name}-{'-'.join(params)}" for name, params, _ in REFUSED]
)
def test_refusals(at, provider, name, params, named):
    """What a family does not take arrives as the provider's own UnsupportedParameterError that names it."""
    with pytest.raises(provider.errors.UnsupportedParameterError) as caught:
        at(name).chat(USER, **params)
    assert names_it(caught.value, named)


@pytest.mark.parametrize(("name", "params", "named"), [next(c for c in REFUSED if c[0] == n) for n in CHAT])
async def test_refusals_of_streams(at, provider, name, params, named):
    """A stream is refused in the same way, awaited or not."""
    with pytest.raises(provider.errors.UnsupportedParameterError) as caught:
        at(name).stream(USER, **params)
    assert names_it(caught.value, named)
    with pytest.raises(provider.errors.UnsupportedParameterError) as caught:
        await at(name).astream(USER, **params)
    assert names_it(caught.value, named)


def test_openai_has_no_extras_header(at, provider):
    """Where no header can judge extras, `error` refuses them before anything is sent."""
    with pytest.raises(provider.errors.ConfigurationError, match="colour"):
        at(OPENAI).chat(USER, colour="red", extra_parameters="error")


@pytest.mark.parametrize("name", CHAT)
def test_context(at, provider, name):
    """A conversation beyond the family's context is the native error for that."""
    words = "w " * (FAMILIES[name].context + 1)
    if FAMILIES[name].context > 8192:
        words = "too long for me"  # the engine says so itself, as it does for the long contexts
    with pytest.raises(provider.errors.ContextLengthError):
        at(name).chat([{"role": "user", "content": words}])


def test_tool_content_of_command_r(at, provider):
    """Cohere refuses a tool's result that is not JSON."""
    with pytest.raises(provider.errors.UnsupportedParameterError, match=r"messages.*valid JSON"):
        at("cohere-command-r").round_trip(USER, TOOL, "sunny")


def test_alternation_of_jamba(at, provider):
    """Jamba refuses two user messages in a row and names the place."""
    with pytest.raises(provider.errors.UnsupportedParameterError, match="alternate") as caught:
        at("jamba").chat([*USER, *USER])
    assert "messages" in caught.value.parameters[0].name


def test_foreign_tool_ids_of_mistral(at, provider):
    """Mistral refuses a tool id that another model made up."""
    told = {"role": "tool", "tool_call_id": "call_1", "content": "{}"}
    with pytest.raises(provider.errors.InvalidRequestError, match="length of 9"):
        at("mistral-large").chat([*USER, told])


@pytest.mark.parametrize(
    ("name", "seen"),
    [
        ("phi-3", [("user", "be kind"), ("user", "hello there")]),
        ("mixtral", [("user", "be kind\n\nhello there")]),
        ("jamba", [("system", "be kind"), ("user", "hello there")]),
    ],
)
def test_system_messages(at, echo, name, seen):
    """A system message works with every family, in the form its model gets."""
    at(name).chat([{"role": "system", "content": "be kind"}, *USER])
    assert [(m["role"], m["content"]) for m in echo.bodies[-1]["messages"]] == seen


@pytest.mark.parametrize("name", EMBED)
def test_embeddings(at, name):
    """Texts become vectors of the family's length, the same in every encoding the client decodes."""
    family, model = FAMILIES[name], at(name)
    plain = model.embed(["a", "b"], encoding_format="float")
    assert [len(vector) for vector in plain] == [family.dimensions] * 2
    assert model.embed(["a", "b"]) == [pytest.approx(vector, abs=1e-6) for vector in plain]
    if "dimensions" not in family.unsupported:
        assert len(model.embed(["a"], dimensions=8)[0]) == 8


@pytest.mark.parametrize("name", EMBED)
async def test_embeddings_async(at, name):
    """The same, awaited, in more than one batch."""
    vectors = await at(name).aembed([str(number) for number in range(100)])
    assert len(vectors) == 100


@pytest.mark.parametrize(
    ("name", "settings", "named"),
    [
        ("cohere-embed-v3", {"dimensions": 256}, "dimensions"),
        ("cohere-embed-v3", {"encoding_format": "int4"}, "encoding_format"),
        ("cohere-embed-v3", {"input_type": "search_query"}, "input_type"),
        ("cohere-embed-v3", {"batch_size": 97}, "input"),
        ("cohere-embed-v3", {"colour": "red", "extra_parameters": "error"}, "colour"),
        (OPENAI, {"dimensions": 4000}, "dimensions"),
        (OPENAI, {"encoding_format": "int8"}, "encoding_format"),
        (OPENAI, {"input_type": "text"}, "input_type"),
        (OPENAI, {"colour": "red"}, "colour"),
    ],
)
async def test_refusals_of_embeddings(at, provider, name, settings, named):
    """What an embedding model does not take arrives as the native error that names it, awaited or not."""
    with pytest.raises(provider.errors.UnsupportedParameterError) as caught:
        at(name).embed(["a"] * 97, **settings)
    assert names_it(caught.value, named)
    with pytest.raises(provider.errors.UnsupportedParameterError):
        await at(name).aembed(["a"] * 97, **settings)


def test_images(at, provider, tmp_path):
    """Cohere embeds an image; a family without the route says so by the native error."""
    path = tmp_path / "pixel.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n")
    assert len(at("cohere-embed-v3").embed_image(str(path))) == 1024
    with pytest.raises(provider.errors.UnsupportedParameterError, match="dimensions"):
        at("cohere-embed-v3").embed_image(str(path), dimensions=8)
    with pytest.raises(provider.errors.NotFoundError):
        at("mistral-small").embed_image(str(path))
    with pytest.raises(provider.errors.NotFoundError):
        at("cohere-embed-v3").chat(USER)


@pytest.mark.parametrize("base", ["serverless", "foundry", OPENAI, "openai-v1"])
def test_the_same_on_every_base(endpoint, provider, base):
    """The same chain runs on all four bases: only the endpoint's URL differs."""
    url = {
        "serverless": endpoint.url_of("mistral-small"),
        "foundry": endpoint.models_url,
        OPENAI: endpoint.deployment_url("mistral-small"),
        "openai-v1": endpoint.openai_v1_url,
    }[base]
    model = provider(url, endpoint.key, model="mistral-small")
    assert model.chat(USER).text == model.stream(USER).text == "hello there"
    assert model.stream(USER).usage["total_tokens"] == 7
    assert model.round_trip(USER, TOOL, "{}").text == "{}"
    assert model.complete("once upon a time") == "once upon a time"
    vectors = provider(url.replace("mistral-small", "local"), endpoint.key, model="local").embed(["a", "b"])
    assert [len(vector) for vector in vectors] == [16, 16]
    with pytest.raises(provider.errors.UnsupportedParameterError) as caught:
        model.chat(USER, temperature=1.5)
    assert names_it(caught.value, "temperature")
