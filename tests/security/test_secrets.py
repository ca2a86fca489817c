"""The key and the prompt appear nowhere: not in what objects show, nor in errors, logs, pickles and tracebacks."""

from __future__ import annotations

import asyncio
import copy
import json
import logging
import pickle
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest
from azure.core.credentials import AccessToken, AzureKeyCredential
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.load import dumpd, dumps
from langchain_core.runnables import ConfigurableField
from llama_index.core import PromptTemplate
from llama_index.core.base.llms.types import ChatMessage
from llama_index.core.instrumentation import get_dispatcher
from llama_index.core.instrumentation.event_handlers import BaseEventHandler
from llama_index.core.instrumentation.span_handlers import NullSpanHandler
from llama_index.core.tools import FunctionTool
from pydantic import BaseModel, Field, SecretStr

from azure_inference_core import ChatClient, CompletionsClient, Connection, EmbeddingsClient, errors
from azure_inference_core._request.keywords import WORDS
from azure_inference_core.errors import ErrorResponse, InferenceError
from langchain_azure_inference import AzureInferenceLLM, ChatAzureInference
from llamaindex_azure_inference import AzureInference, AzureInferenceCompletion, AzureInferenceEmbedding
from tests.support import wire
from tests.support.drive import connect, with_variables
from tests.support.entry_points import CLASSES, ENTRY_POINTS, made
from tests.support.fault import Fault
from tests.support.fault_server import FaultServer
from tests.support.faults import FAULTS, faults
from tests.support.scripted_server import Reply, ScriptedServer, answer_well
from tests.support.wire import CANARY_KEY

URL = "http://127.0.0.1:9"
HEADER = "canary-header-2d41"
KEYS = {
    "text": lambda: CANARY_KEY,
    "SecretStr": lambda: SecretStr(CANARY_KEY),
    "AzureKeyCredential": lambda: AzureKeyCredential(CANARY_KEY),
}


@dataclass
class Login:
    """A credential that shows what it holds, as a dataclass does."""

    secret: str

    def get_token(self, *_: str, **__: Any) -> AccessToken:
        """A token."""
        return AccessToken(self.secret, 4_000_000_000)

    async def aprovide(self) -> str:
        """As a callable gives one."""
        return self.secret


CREDENTIALS = {
    **KEYS,
    "callable": lambda: lambda: CANARY_KEY,
    "partial": lambda: partial(str, CANARY_KEY),
    "dataclass": lambda: Login(CANARY_KEY),
    "bound method": lambda: Login(CANARY_KEY).aprovide,
}
RENDERINGS: dict[str, Callable[[Any], str]] = {
    "repr": repr,
    "str": str,
    "format": lambda thing: f"{thing} {thing!s:>5}",
    "variables": lambda thing: repr(getattr(thing, "__dict__", {})),
    "json of variables": lambda thing: json.dumps(getattr(thing, "__dict__", {}), default=repr),
    "model_dump": lambda thing: repr(thing.model_dump()),
    "model_dump_json": lambda thing: thing.model_dump_json(),
    "json of fields": lambda thing: json.dumps(dict(thing), default=repr),
    "pydantic fields": lambda thing: repr(dict(thing)),
    "private": lambda thing: repr(thing.__pydantic_private__),
    "client": lambda thing: repr(vars(thing._client)),
    "connection": lambda thing: repr(vars(getattr(thing, "_client", thing).connection)),
    "auth": lambda thing: repr(vars(getattr(thing, "_client", thing).connection.auth)),
    "langchain dumps": dumps,
    "langchain dumpd": lambda thing: repr(dumpd(thing)),
    "identifying": lambda thing: repr(thing._identifying_params),
    "llamaindex to_dict": lambda thing: repr(thing.to_dict()),
    "llamaindex to_json": lambda thing: thing.to_json(),
    "pickle": lambda thing: pickle.dumps(thing).decode("latin-1"),
    "old pickle": lambda thing: pickle.dumps(thing, 2).decode("latin-1"),
    "deep copy": lambda thing: repr(copy.deepcopy(thing)) + repr(vars(copy.deepcopy(thing))),
}
TOOL = FunctionTool.from_defaults(str.upper, name="upper", description="Upper case.")


class Answer(BaseModel):
    """An answer."""

    text: str


CORE = (Connection, ChatClient, CompletionsClient, EmbeddingsClient)


def core_thing(kind: type[Any], credential: Any) -> Any:
    """A connection, or a client of one."""
    connection = Connection(URL, credential, default_headers={"x-team": HEADER})
    return connection if kind is Connection else kind(connection)


def shown(thing: Any, render: Callable[[Any], str]) -> str:
    """A rendering, or nothing where the class has none of the kind."""
    try:
        return str(render(thing))
    except (AttributeError, TypeError, NotImplementedError, pickle.PicklingError):
        return ""


@pytest.mark.parametrize("rendering", RENDERINGS)
@pytest.mark.parametrize("credential", CREDENTIALS)
@pytest.mark.parametrize("kind", [*CORE, *CLASSES], ids=lambda kind: kind.__name__)
def test_no_rendering_shows_the_key(kind: type[Any], credential: str, rendering: str) -> None:
    """Every way to write an object down, for every class and kind of key."""
    key = CREDENTIALS[credential]()
    thing = (
        core_thing(kind, key)
        if kind in CORE
        else made(kind, URL, credential=key, default_headers={"x-team": HEADER})
    )
    text = shown(thing, RENDERINGS[rendering])
    assert CANARY_KEY not in text
    assert HEADER not in text
    if isinstance(thing, (ChatClient, CompletionsClient, EmbeddingsClient)):
        thing.close()


@pytest.mark.parametrize(
    "name", ["repr", "str", "variables", "model_dump", "pickle", "langchain dumps", "llamaindex to_json"]
)
@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_no_used_object_shows_the_key(kind: type[Any], name: str) -> None:
    """The same after a call, when clients and caches exist."""
    entry = next(entry for entry in ENTRY_POINTS if entry.kind is kind and not entry.asynchronous)
    with FaultServer(answer_well) as server:
        thing = made(kind, server.url)
        entry.use(thing)
        assert CANARY_KEY not in shown(thing, RENDERINGS[name])
        thing.close()


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_a_pickled_object_takes_its_key_from_the_environment(
    kind: type[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker process that has the variable goes on; one that has not is told which."""
    entry = next(entry for entry in ENTRY_POINTS if entry.kind is kind and not entry.asynchronous)
    with FaultServer(answer_well) as server:
        thing = made(kind, server.url)
        try:
            loaded = pickle.loads(pickle.dumps(thing))
        finally:
            thing.close()
        with pytest.raises(InferenceError, match="AZURE_INFERENCE_CREDENTIAL"):
            entry.use(loaded)
        monkeypatch.setenv("AZURE_INFERENCE_CREDENTIAL", "from-the-environment")
        assert entry.use(loaded) == entry.wanted
        assert server.requests[-1].headers["api-key"] == "from-the-environment"
        loaded.close()


CONNECTION_ROWS = [
    next(fault for fault in FAULTS if fault.id == row) for row in ("C1", "C4", "C6", "C8", "S2", "S7", "B2")
]


@pytest.mark.usefixtures("quick_retries")
@pytest.mark.parametrize("fault", CONNECTION_ROWS, ids=str)
@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
async def test_no_traceback_shows_the_key(kind: type[Any], fault: Fault) -> None:
    """A tool that renders every variable of every frame, causes too, finds no key; for the core see its fault rows."""
    entries = {entry.asynchronous: entry for entry in ENTRY_POINTS if entry.kind is kind}
    for asynchronous, entry in entries.items():
        with fault.play() as stage:
            thing = made(kind, stage, **fault.options)
            with pytest.raises(InferenceError) as caught:
                await (entry.use(thing) if asynchronous else asyncio.to_thread(entry.use, thing))
            assert CANARY_KEY not in with_variables(caught.value)
            await thing.aclose()
            thing.close()


def every_error() -> list[type[InferenceError]]:
    """Every class of the tree."""
    return [
        value
        for name in errors.__all__
        if isinstance(value := getattr(errors, name), type) and issubclass(value, InferenceError)
    ]


@pytest.mark.parametrize("kind", every_error(), ids=lambda kind: kind.__name__)
def test_every_error_survives_a_pickle(kind: type[InferenceError]) -> None:
    """Class, text and fields come out of a worker process as they went in."""
    details: dict[str, Any] = {
        "status": 400,
        "code": "c",
        "request_id": "r",
        "retry_after": 1.5,
        "attempts": 2,
    }
    extra: dict[str, Any] = {
        "UnsupportedParameterError": {"parameters": (("n", 2, "no"),)},
        "ContentFilteredError": {"categories": {"hate": {"filtered": True}}, "source": "completion"},
    }.get(kind.__name__, {})
    if issubclass(kind, errors.StatusError):
        extra["response"] = ErrorResponse(400, {"x": "y"}, b"{}")
    error = kind("what happened", **details, **extra)
    error.partial = "so far"
    twin = pickle.loads(pickle.dumps(error))
    assert type(twin) is kind
    assert (str(twin), twin.args) == (str(error), error.args)
    assert {k: v for k, v in vars(twin).items() if k != "response"} == {
        k: v for k, v in vars(error).items() if k != "response"
    }
    assert copy.copy(error).code == "c"


SECRET_WORDS = sorted(name for name, word in WORDS.items() if word.is_secret)
SLIPS = (
    "api_kye",
    "openai_api_keyy",
    "azure_ad_tokens",
    "extra_header",
    "my_gateway_key",
    "bearer",
    "clientSecret",
    "sas",
    "token_provider",
    "connection_string",
    "http_headers",
)
HOLDERS = {
    "constructor": lambda name, value: {name: value},
    "model_kwargs": lambda name, value: {"model_kwargs": {name: value}},
    "additional_kwargs": lambda name, value: {"additional_kwargs": {name: value}},
    "extra_body in model_kwargs": lambda name, value: {"model_kwargs": {"extra_body": {name: value}}},
}


def attempt(use: Callable[[], Any]) -> tuple[Any, str]:
    """What something gives, or the text of the error that it raises."""
    try:
        return use(), ""
    except InferenceError as error:
        return None, str(error)


def everything_of(thing: Any) -> str:
    """All that can be shown of an object."""
    return "".join(shown(thing, render) for render in RENDERINGS.values())


@pytest.mark.parametrize("holder", HOLDERS)
@pytest.mark.parametrize("name", [*SECRET_WORDS, *SLIPS])
@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_no_word_for_a_secret_is_shown_or_sent(
    kind: type[Any], name: str, holder: str, server: ScriptedServer
) -> None:
    """By whatever word and wherever a key or a header is given, it is one, or it is refused and not quoted."""
    is_header = "header" in name
    value = {"x-team": CANARY_KEY} if is_header else CANARY_KEY
    entry = next(entry for entry in ENTRY_POINTS if entry.kind is kind and not entry.asynchronous)
    if holder == "extra_body in model_kwargs" and name in SLIPS:
        return  # what is said to be for the body is for the body
    given = {"endpoint": server.url, **({"credential": "a-key-of-its-own"} if is_header else {})}
    thing, refusal = attempt(lambda: kind(**given, **HOLDERS[holder](name, value)))
    assert CANARY_KEY not in refusal
    if thing is None:
        return
    assert CANARY_KEY not in everything_of(thing)
    if name not in ("azure_ad_token_provider", "azure_ad_async_token_provider"):
        with suppress(InferenceError):
            entry.use(thing)
        assert CANARY_KEY not in " ".join(map(str, server.bodies))
        assert not is_header or server.last.headers["x-team"] == CANARY_KEY


@pytest.mark.parametrize("kind", [ChatAzureInference, AzureInferenceLLM], ids=lambda kind: kind.__name__)
def test_whatever_langchain_makes_of_a_model_hides_what_is_bound_to_it(
    kind: type[Any], server: ScriptedServer
) -> None:
    """A configuration, a retry, fallbacks, listeners and choices are made of a model; headers are bound later."""
    model = made(kind, server.url)
    field = ConfigurableField(id="model")
    for thing in (
        model.bind(stop=["."]),
        model.with_config(tags=["a"]),
        model.with_retry(),
        model.with_retry().with_config(tags=["a"]),
        model.with_fallbacks([model]),
        model.with_listeners(),
        model.with_types(output_type=str),
        model.configurable_fields(model_name=field),
        model.configurable_alternatives(field, other=model).with_config(configurable={"model": "other"}),
    ):
        bound = thing.bind(headers={"x-team": CANARY_KEY})
        assert dumpd(thing)["id"][-1].startswith("Runnable")
        for made_of in (bound, bound.with_retry()):
            assert CANARY_KEY not in f"{made_of!r}{vars(made_of)}{dumps(made_of)}"
        bound.invoke("hi")
        assert server.last.headers["x-team"] == CANARY_KEY
        with pytest.raises(InferenceError, match="api_key"):
            thing.bind(api_key=CANARY_KEY)
    assert type(pickle.loads(pickle.dumps(model.with_retry()))) is type(model.with_retry())
    with pytest.raises(ValueError, match="azure_deployment"):
        model.configurable_fields(azure_deployment=field)


class Watching(BaseCallbackHandler):
    """All that LangChain tells its observers."""

    def __init__(self) -> None:
        self.told: list[Any] = []

    def on_chat_model_start(self, *args: Any, **kwargs: Any) -> None:
        self.told += [args, kwargs]

    def on_llm_start(self, *args: Any, **kwargs: Any) -> None:
        self.told += [args, kwargs]


CALL_KEYWORDS: list[dict[str, Any]] = [
    {"api_key": CANARY_KEY},
    {"credential": SecretStr(CANARY_KEY)},
    {"openai_api_key": CANARY_KEY},
    {"azure_ad_token": CANARY_KEY},
    {"extra_headers": {"Authorization": CANARY_KEY}},
    {"extra_headers": {"x-team": CANARY_KEY}},
    {"headers": {"x-team": CANARY_KEY}},
    {"model_kwargs": {"extra_headers": {"x-team": CANARY_KEY}}},
    {"additional_kwargs": {"api_key": CANARY_KEY}},
    {"model_extras": {"api_key": CANARY_KEY}},
    {"api_keyy": CANARY_KEY},
    {"x_gateway_token": CANARY_KEY},
]


@pytest.mark.parametrize("keywords", CALL_KEYWORDS, ids=lambda keywords: repr(keywords)[2:40])
@pytest.mark.parametrize("bind", [False, True], ids=["call", "bind"])
@pytest.mark.parametrize("kind", [ChatAzureInference, AzureInferenceLLM], ids=lambda kind: kind.__name__)
def test_no_keyword_of_a_langchain_call_shows_a_secret(
    kind: type[Any], bind: bool, keywords: dict[str, Any], server: ScriptedServer
) -> None:
    """Neither in the body nor in a tracer, a binding, its dump or the key of a cache; a header is sent as one."""
    thing, watching = made(kind, server.url), Watching()
    config: Any = {"callbacks": [watching]}

    def use() -> bool:
        if bind:
            bound = thing.bind(stop=["."]).bind(**keywords)
            assert CANARY_KEY not in repr(bound) + dumps(bound) + repr(bound.kwargs)
            bound.invoke("x", config)
        else:
            thing.invoke("x", config, **keywords)
        if kind is ChatAzureInference:
            assert CANARY_KEY not in thing._get_llm_string(**keywords)
        return server.last.headers["x-team"] == CANARY_KEY

    was_sent_as_a_header, refusal = attempt(use)
    assert was_sent_as_a_header or server.requests == []
    assert CANARY_KEY not in refusal
    assert CANARY_KEY not in repr(watching.told)
    assert CANARY_KEY not in " ".join(map(str, server.bodies))


def structure_for(request: Any) -> Any:
    """A call of the tool that structured output is asked for by; of anything else the usual answer."""
    if "Answer" not in str(request.json.get("tools")):
        return wire.ANSWER
    return wire.chat(content="", tool_calls=[wire.tool_call(name="Answer", arguments='{"text": ""}')])


class Recorder(BaseEventHandler):
    """All that LlamaIndex tells its observers: events, and the arguments of spans."""

    told: list[str] = Field(default_factory=list)

    def handle(self, event: Any, **kwargs: Any) -> None:
        self.told.append(repr(event))


class Spans(NullSpanHandler):
    """The arguments of spans."""

    told: list[str] = Field(default_factory=list)

    def new_span(self, id_: str, bound_args: Any, *args: Any, **kwargs: Any) -> None:
        self.told.append(repr(bound_args))


@pytest.mark.parametrize("keywords", CALL_KEYWORDS, ids=lambda keywords: repr(keywords)[2:40])
@pytest.mark.parametrize(
    "use",
    [
        lambda server, given: made(AzureInference, server.url).chat([ChatMessage("x")], **given),
        lambda server, given: list(made(AzureInference, server.url).stream_complete("x", **given)),
        lambda server, given: asyncio.run(made(AzureInference, server.url).acomplete("x", **given)),
        lambda server, given: made(AzureInference, server.url).chat_with_tools([TOOL], "x", **given),
        lambda server, given: made(AzureInference, server.url).structured_predict(
            Answer, PromptTemplate("x"), given
        ),
        lambda server, given: made(AzureInferenceCompletion, server.url).complete("x", **given),
        lambda server, given: made(AzureInferenceEmbedding, server.url).get_text_embedding("x", **given),
    ],
    ids=["chat", "stream", "async", "tools", "structured", "completion", "embedding"],
)
def test_no_keyword_of_a_llamaindex_call_shows_a_secret(
    use: Callable[[ScriptedServer, dict[str, Any]], Any], keywords: dict[str, Any], server: ScriptedServer
) -> None:
    """Neither in the body nor in an event, a span or a callback; a header is sent as one."""
    dispatcher, recorder, spans = get_dispatcher(), Recorder(), Spans()
    handlers = list(dispatcher.event_handlers), list(dispatcher.span_handlers)
    dispatcher.event_handlers.append(recorder)
    dispatcher.span_handlers.append(spans)
    server.reply_always(structure_for, route="/chat/completions")
    try:
        _, refusal = attempt(lambda: use(server, keywords))
    finally:
        dispatcher.event_handlers, dispatcher.span_handlers = handlers
    assert not server.requests if refusal else server.last.headers["x-team"] == CANARY_KEY
    assert CANARY_KEY not in refusal
    assert CANARY_KEY not in " ".join(recorder.told + spans.told)
    assert CANARY_KEY not in " ".join(map(str, server.bodies))


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_what_is_set_later_is_hidden_too(kind: type[Any]) -> None:
    """A key and headers that are assigned, or given to a copy, are kept as those of the constructor."""
    thing = made(kind, URL)
    thing.credential, thing.default_headers = CANARY_KEY, {"x-team": HEADER}
    update = {"credential": CANARY_KEY, "default_headers": {"x-team": HEADER}}
    for changed in (thing, made(kind, URL).model_copy(update=update)):
        text = "".join(shown(changed, render) for render in RENDERINGS.values())
        assert CANARY_KEY not in text
        assert HEADER not in text
        connection = changed._client.connection
        assert connection.auth.headers(1)["api-key"] == CANARY_KEY
        assert connection.default_headers == {"x-team": HEADER}


@pytest.mark.usefixtures("quick_retries")
@pytest.mark.parametrize("fault", CONNECTION_ROWS, ids=str)
async def test_no_traceback_shows_a_header(fault: Fault) -> None:
    """A gateway's key among the default headers is in no variable of a traceback's frames."""
    for asynchronous in (False, True):
        with fault.play() as stage:
            options = {**fault.options, "default_headers": {"x-team": HEADER}}
            client = ChatClient(connect(stage, **options))
            complete = client.acomplete if asynchronous else partial(asyncio.to_thread, client.complete)
            with pytest.raises(InferenceError) as caught:
                await complete(wire.MESSAGES)
            assert HEADER not in with_variables(caught.value)
            await client.aclose()


@pytest.mark.parametrize(
    "text",
    ["\x1b[31mred\x07", "a\r\nSet-Cookie: x", "\u202eevil", "x" * 100_000],
    ids=["terminal", "line", "direction", "long"],
)
def test_the_services_words_are_short_and_harmless(server: ScriptedServer, text: str) -> None:
    """Control characters are escaped and the text is bounded, whatever the service writes."""
    server.reply(Reply(400, {"error": {"code": text, "message": text}}, {"x-request-id": "r" * 5000}))
    with ChatClient(connect(server.url)) as client, pytest.raises(InferenceError) as caught:
        client.complete(wire.MESSAGES)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 900


def test_own_logs_tell_what_happened_and_no_more(
    server: ScriptedServer, caplog: pytest.LogCaptureFixture
) -> None:
    """At DEBUG there is one line an attempt: host, route, status, time; neither key, prompt nor query."""
    caplog.set_level(logging.DEBUG)
    with ChatClient(connect(server.url)) as client:
        client.complete(wire.MESSAGES)
    own = [record.getMessage() for record in caplog.records if record.name.startswith("azure_inference")]
    assert len(own) == 1
    assert "/chat/completions" in own[0]
    assert "200" in own[0]
    everything = " ".join(f"{record.getMessage()} {record.args}" for record in caplog.records)
    assert CANARY_KEY not in everything
    assert wire.CANARY_PROMPT not in everything


@pytest.mark.parametrize("kind", ["core", *CLASSES], ids=lambda kind: getattr(kind, "__name__", kind))
def test_logging_enable_does_not_print_the_key(
    kind: Any, server: ScriptedServer, caplog: pytest.LogCaptureFixture
) -> None:
    """The SDK's switch that prints headers and bodies is refused, wherever it is given."""
    caplog.set_level(logging.DEBUG)
    if kind == "core":
        with ChatClient(connect(server.url)) as client, pytest.raises(InferenceError, match="logging_enable"):
            client.complete(wire.MESSAGES, logging_enable=True)
    else:
        entry = next(entry for entry in ENTRY_POINTS if entry.kind is kind and not entry.asynchronous)
        with pytest.raises((InferenceError, ValueError, TypeError), match="logging_enable"):
            entry.use(made(kind, server.url, logging_enable=True))
    assert CANARY_KEY not in caplog.text


def test_every_kind_of_row_is_rendered() -> None:
    """The table gives each class of the tree at least once, so that each is rendered above."""
    leaves = {
        kind for kind in every_error() if not kind.__subclasses__() or kind is errors.InvalidRequestError
    }
    produced = {fault.outcome for fault in FAULTS} | {errors.ConfigurationError}
    assert {kind for kind in leaves if kind.__module__ == errors.__name__} <= produced
    assert faults("C1")
