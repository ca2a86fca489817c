"""``AzureInferenceLLM``: a suite of the shape of LangChain's standard ones, and what is its own."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from langchain_core.caches import InMemoryCache
from langchain_core.callbacks import AsyncCallbackHandler, BaseCallbackHandler
from langchain_core.load import dumpd, load
from langchain_core.outputs import LLMResult

from langchain_azure_inference import AzureInferenceLLM, ConfigurationError
from tests.support import wire
from tests.support.scripted_server import ScriptedServer


def llm_of(server: ScriptedServer, **more: Any) -> AzureInferenceLLM:
    """A model on the scripted endpoint."""
    return AzureInferenceLLM(**{"endpoint": server.url, "credential": "test", **more})


class TestUnit:
    """What needs no endpoint."""

    params: dict[str, Any] = {"endpoint": "http://127.0.0.1:9", "credential": "test"}  # noqa: RUF012

    def test_init(self) -> None:
        """LangChain's standard keywords construct a model."""
        llm = AzureInferenceLLM(
            **self.params, temperature=0, max_tokens=100, timeout=60, stop=[], max_retries=2
        )
        assert llm.temperature == 0

    def test_init_from_env(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Endpoint, credential and model come from the environment."""
        monkeypatch.setenv("AZURE_INFERENCE_ENDPOINT", "https://host.example/v1")
        monkeypatch.setenv("AZURE_INFERENCE_CREDENTIAL", "key")
        monkeypatch.setenv("AZURE_INFERENCE_MODEL", "m")
        llm = AzureInferenceLLM()
        assert (llm.endpoint, llm.model) == ("https://host.example/v1", "m")

    def test_standard_params(self) -> None:
        """LangSmith's parameters are those of the model, or of the call."""
        llm = AzureInferenceLLM(**self.params, model="a", temperature=0, max_tokens=5, stop="x")
        assert llm._get_ls_params() == {
            "ls_provider": "azure_inference",
            "ls_model_type": "llm",
            "ls_model_name": "a",
            "ls_temperature": 0,
            "ls_max_tokens": 5,
            "ls_stop": ["x"],
        }
        assert llm._get_ls_params(stop=["y"], model="b")["ls_model_name"] == "b"

    @pytest.mark.filterwarnings("ignore::langchain_core._api.LangChainBetaWarning")
    def test_serdes(self) -> None:
        """A dumped model is loaded again, its key from the secrets."""
        llm = AzureInferenceLLM(**self.params, temperature=0, top_k=1)
        dumped = dumpd(llm)
        assert "test" not in str(dumped)
        loaded = load(
            dumped,
            allowed_objects=[AzureInferenceLLM],
            valid_namespaces=["langchain_azure_inference"],
            secrets_map={"AZURE_INFERENCE_CREDENTIAL": "test"},
        )
        assert dumpd(loaded) == dumped

    def test_init_time(self, benchmark: Any) -> None:
        """Constructing is quick."""
        benchmark(lambda: AzureInferenceLLM(**self.params))


class TestIntegration:
    """What needs an endpoint, each in sync and async."""

    async def test_invoke(self, server: ScriptedServer) -> None:
        """A prompt gives a text."""
        assert llm_of(server).invoke("x") == await llm_of(server).ainvoke("x") == wire.ANSWER
        assert server.last.path == "/completions"
        assert server.last.json == {"prompt": "x"}

    async def test_stream(self, server: ScriptedServer) -> None:
        """A prompt gives pieces that add up to the text."""
        pieces = list(llm_of(server).stream("x"))
        assert len([piece for piece in pieces if piece]) > 2
        assert "".join(pieces) == wire.ANSWER
        assert [piece async for piece in llm_of(server).astream("x")] == pieces

    async def test_batch(self, server: ScriptedServer) -> None:
        """Many prompts give as many texts, in their order."""
        server.reply_always(lambda request: f"re {request.json['prompt']}")
        prompts = [str(number) for number in range(20)]
        expected = [f"re {prompt}" for prompt in prompts]
        assert llm_of(server).batch(prompts) == expected
        assert await llm_of(server).abatch(prompts) == expected
        assert llm_of(server).batch(prompts, config={"max_concurrency": 3}) == expected

    async def test_generate(self, server: ScriptedServer) -> None:
        """``generate`` sums token counts and says why each text ended."""
        for result in (llm_of(server).generate(["x", "y"]), await llm_of(server).agenerate(["x", "y"])):
            assert [row[0].text for row in result.generations] == [wire.ANSWER] * 2
            assert result.llm_output == {
                "token_usage": {"prompt_tokens": 14, "completion_tokens": 12, "total_tokens": 26},
                "model_name": "tiny-model",
            }
            info = result.generations[0][0].generation_info
            assert info is not None
            assert info["finish_reason"] == "stop"

    def test_stop_sequence(self, server: ScriptedServer) -> None:
        """``stop`` works per call and in the constructor, as list and string."""
        for llm, stop in ((llm_of(server), ["a"]), (llm_of(server, stop="a"), None)):
            llm.invoke("x", stop=stop)
            assert server.last.json["stop"] == ["a"]

    def test_model_override(self, server: ScriptedServer) -> None:
        """A call may name another model, and have parameters and extras of its own."""
        llm = llm_of(server, model="a", temperature=1, top_k=1, max_tokens=9)
        llm.invoke("x", model="b", temperature=0, best_of=2)
        assert server.last.json == {
            "prompt": "x",
            "model": "b",
            "temperature": 0,
            "max_tokens": 9,
            "top_k": 1,
            "best_of": 2,
        }


class Recorder(BaseCallbackHandler):
    """Keeps tokens and ends."""

    def __init__(self) -> None:
        self.tokens: list[str] = []
        self.ends: list[LLMResult] = []

    def on_llm_new_token(self, token: str, **_details: Any) -> None:
        """A piece came."""
        self.tokens.append(token)

    def on_llm_end(self, response: LLMResult, **_details: Any) -> None:
        """A call ended."""
        self.ends.append(response)


class AsyncRecorder(AsyncCallbackHandler):
    """Keeps tokens, async."""

    def __init__(self) -> None:
        self.tokens: list[str] = []

    async def on_llm_new_token(self, token: str, **_details: Any) -> None:
        """A piece came."""
        self.tokens.append(token)


async def test_callbacks_hear_every_token_once(server: ScriptedServer) -> None:
    """``on_llm_new_token`` is told of each piece once, in streams and under ``streaming=True``."""
    recorder, arecorder = Recorder(), AsyncRecorder()
    "".join(llm_of(server).stream("x", config={"callbacks": [recorder]}))
    assert "".join(recorder.tokens) == wire.ANSWER
    assert "token_usage" in (recorder.ends[0].generations[0][0].generation_info or {})
    [piece async for piece in llm_of(server).astream("x", config={"callbacks": [arecorder]})]
    assert "".join(arecorder.tokens) == wire.ANSWER
    recorder.tokens.clear()
    result = llm_of(server, streaming=True).generate(["x"], callbacks=[recorder])
    assert "".join(recorder.tokens) == result.generations[0][0].text == wire.ANSWER
    assert result.llm_output is not None
    assert result.llm_output["token_usage"]["total_tokens"] == 13
    arecorder.tokens.clear()
    aresult = await llm_of(server, streaming=True).agenerate(["x"], callbacks=[arecorder])
    assert "".join(arecorder.tokens) == aresult.generations[0][0].text == wire.ANSWER


def test_several_prompts_are_in_flight_at_once(server: ScriptedServer) -> None:
    """The prompts of one ``batch`` run side by side, up to ``max_concurrency``."""
    barrier = threading.Barrier(3, timeout=20)

    def together(_request: Any) -> str:
        barrier.wait()
        return "ok"

    server.reply_always(together)
    assert llm_of(server, max_concurrency=3).batch(["a", "b", "c"]) == ["ok"] * 3


async def test_one_failure_ends_the_batch(server: ScriptedServer) -> None:
    """When one prompt fails the batch raises, sync and async."""
    server.reply_always(
        lambda request: "ok" if request.json["prompt"] != "bad" else [{"error": {"message": "no"}}]
    )
    with pytest.raises(Exception, match="no"):
        llm_of(server, max_retries=0, streaming=False).generate(["a", "bad", "b"], stream_usage=True)
    with pytest.raises(Exception, match="no"):
        await llm_of(server, max_retries=0).agenerate(["a", "bad", "b"])


def test_several_answers(server: ScriptedServer) -> None:
    """With ``n`` there are as many generations a prompt; a stream refuses it."""
    body = wire.completion("one")
    body["choices"].append({"index": 1, "text": "two", "finish_reason": "stop"})
    server.reply(body)
    result = llm_of(server, n=2).generate(["x"])
    assert [generation.text for generation in result.generations[0]] == ["one", "two"]
    with pytest.raises(ConfigurationError, match="n: a stream"):
        list(llm_of(server, n=2).stream("x"))


def test_a_cache_keeps_models_apart(server: ScriptedServer) -> None:
    """Two models never share an answer; the same model does."""
    cache = InMemoryCache()
    for params in ({"model": "a"}, {"model": "b"}, {"model": "a", "top_k": 1}, {"model": "a"}):
        llm_of(server, cache=cache, **params).invoke("x")
    assert len(server.requests) == 3


def test_prompt_chains(server: ScriptedServer) -> None:
    """A prompt template pipes into the model."""
    from langchain_core.prompts import PromptTemplate

    server.reply_always(lambda request: request.json["prompt"])
    chain = PromptTemplate.from_template("Say {word}.") | llm_of(server)
    assert chain.invoke({"word": "hi"}) == "Say hi."


def test_tokens_are_counted_without_a_download(server: ScriptedServer) -> None:
    """Counts are approximate without a tokenizer."""
    assert llm_of(server).get_num_tokens("x" * 8) == 2
