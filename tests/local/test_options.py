"""The options of a server: which exclude each other, and engines that are chosen by them."""

import httpx
import pytest

from azure_inference_local import serve, weights
from tests.local.fake_engines import engines

QUERY = "?api-version=2024-05-01-preview"


@pytest.fixture(scope="module")
def front(endpoint):
    """An endpoint whose text and vectors come from `endpoint` by OpenAI's routes."""
    base = endpoint.openai_v1_url
    with serve(
        families=["mistral-small", "cohere-embed-v3"],
        engine_url=base,
        engine_key=endpoint.key,
        model="local",
        embedding_url=base,
        embedding_model="local",
    ) as running:
        yield running


def post(front, path, **body):
    """Post to the front."""
    return httpx.post(
        f"{front.url}{path}{QUERY}", headers={"api-key": front.key}, json=body, trust_env=False, timeout=30
    )


@pytest.mark.parametrize("stream", [False, True])
def test_chat(front, stream):
    """A family of the front answers with the text of the server behind it."""
    messages = [{"role": "user", "content": "hello you"}]
    answer = post(front, "/mistral-small/chat/completions", messages=messages, stream=stream)
    assert answer.status_code == 200
    if stream:
        assert answer.text.endswith("data: [DONE]\n\n")
        assert '"total_tokens":7' in answer.text
    else:
        assert answer.json()["choices"][0]["message"]["content"] == "hello you"
        assert answer.json()["model"] == "Mistral-small"


def test_embeddings(front):
    """Vectors come from behind and have the family's length."""
    answer = post(front, "/cohere-embed-v3/embeddings", input=["a", "b"]).json()
    assert [len(d["embedding"]) for d in answer["data"]] == [1024, 1024]
    assert post(front, "/embeddings", input=["a"], dimensions=99).status_code == 422


def test_embeddings_of_the_engine(endpoint):
    """An engine that has embeddings answers them too, under a name of their own if one is given."""
    for name in (None, "local-embeddings"):
        options = {"engine_url": endpoint.openai_v1_url, "engine_key": endpoint.key, "model": "local"}
        with serve(**options, embedding_model=name) as front:
            assert len(post(front, "/embeddings", input=["a"]).json()["data"][0]["embedding"]) == 16


@pytest.mark.skipif(
    weights.path_of("minilm-l6-v2-int8") is None, reason="run `models pull minilm-l6-v2-int8`"
)
def test_engine_without_embeddings(endpoint):
    """Where the engine has none, the embedded model answers."""
    options = {"engine_url": endpoint.openai_v1_url, "engine_key": endpoint.key, "model": "jamba"}
    with serve(**options) as front:
        assert len(post(front, "/embeddings", input=["a"]).json()["data"][0]["embedding"]) == 384
    with pytest.raises(ValueError, match="embedding_model names"):
        serve(embedding_model="x")


def test_refusal_from_behind(front):
    """What the server behind refuses is refused in front with its status, in the front's dialect."""
    messages = [{"role": "user", "content": "too long for me"}]
    answer = post(front, "/mistral-small/chat/completions", messages=messages)
    assert answer.status_code == 400
    assert "4096" in answer.json()["error"]["message"]


def test_no_server_behind():
    """A server that is not there is a 502 or 503 at the request, not at the start."""
    with serve(engine_url="http://127.0.0.1:9/v1") as front:
        answer = post(front, "/chat/completions", messages=[{"role": "user", "content": "x"}])
    assert answer.status_code in (502, 503)


def test_options_that_exclude_each_other():
    """Engines of one's own cannot stand beside a URL or a model."""
    with pytest.raises(ValueError, match="exclude each other"):
        serve(engines=engines(), model="smollm2-135m")
    with pytest.raises(ValueError, match="exclude each other"):
        serve(embedding_url="http://127.0.0.1:9/v1", clip=("a.onnx", "b.onnx"))


def test_hosts_and_keys():
    """Another address than loopback demands a key, and keys have to be sendable."""
    with pytest.raises(ValueError, match="key of your own"):
        serve(host="0.0.0.0")
    with pytest.raises(ValueError, match="printable"):
        serve(key="two\nlines")
    with serve(engines=engines()) as one, serve(engines=engines()) as two:
        assert len(one.key) == 64
        assert one.key != two.key
