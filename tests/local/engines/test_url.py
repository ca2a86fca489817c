"""The engine behind a URL: against a real llama.cpp server, and against a server that fails on purpose."""

import json
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from azure_inference_local import weights
from azure_inference_local.engines import EngineError, url_engine

KEY = "llama-secret"
ASK = {"messages": [{"role": "user", "content": "Say hello."}], "max_tokens": 6, "temperature": 0}


@pytest.fixture(scope="module")
def llama():
    """The /v1 address of llama.cpp's own server, run as another process."""
    script = Path(__file__).parent / "llama_server.py"
    command = [sys.executable, str(script), str(weights.pull("smollm2-135m")), KEY, "embeddings"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield process.stdout.readline().strip() + "/v1"
        process.stdin.close()
        process.wait(30)


@pytest.fixture(scope="module")
def engine(llama):
    """An engine on that server."""
    made = url_engine(llama, KEY)
    yield made
    made.close()


@pytest.mark.slow
def test_a_real_server_answers_and_streams(engine):
    """The answer and the chunks are OpenAI's, usage included, without llama.cpp's own keys."""
    answer = engine.chat(ASK)
    assert answer["choices"][0]["message"]["content"]
    assert "timings" not in answer
    chunks = []
    assert engine.chat(ASK, lambda chunk: chunks.append(chunk) or False) == {}
    choices = [choice for chunk in chunks for choice in chunk["choices"]]
    text = "".join(choice["delta"].get("content") or "" for choice in choices)
    assert text == answer["choices"][0]["message"]["content"]
    assert choices[-1]["finish_reason"] == answer["choices"][0]["finish_reason"]
    assert chunks[-1]["usage"]["completion_tokens"] == answer["usage"]["completion_tokens"]
    assert not any("timings" in chunk for chunk in chunks)


@pytest.mark.slow
def test_a_real_server_completes_text(engine):
    """Text completions pass as well."""
    answer = engine.complete({"prompt": "The sky is", "max_tokens": 3, "temperature": 0})
    assert answer["choices"][0]["text"]


@pytest.mark.slow
def test_a_real_server_embeds(engine):
    """Vectors have length one and come in order; the tokens are the server's count."""
    vectors, tokens = engine.embed(["a cat", "a dog", "a cat"], None)
    assert len(vectors) == 3
    assert {len(vector) for vector in vectors} == {engine.dimensions} == {576}
    assert sum(number * number for number in vectors[0]) == pytest.approx(1.0)
    assert vectors[0] == pytest.approx(vectors[2], abs=1e-3)
    assert tokens > 0


@pytest.mark.slow
def test_a_real_server_counts_tokens_and_tells_its_window(engine):
    """Counting asks the server; the window is what it lists."""
    assert engine.count_tokens("hello world, this") == 4
    assert engine.context_window >= 1024
    assert engine.name


@pytest.mark.slow
def test_cancelling_frees_the_only_slot_of_a_real_server(engine):
    """After a cancelled long stream the server's one slot answers at once."""
    seen = []
    long = {**ASK, "max_tokens": 900, "ignore_eos": True}
    assert engine.chat(long, lambda chunk: seen.append(chunk) or len(seen) == 3) == {}
    assert len(seen) == 3
    assert engine.chat({**ASK, "max_tokens": 1})["choices"]


@pytest.mark.slow
def test_a_real_servers_refusals_become_engine_errors(engine, llama):
    """Too long is context_length_exceeded, bad values are a 400, a wrong key is a 502 of ours."""
    for listener in (None, lambda _chunk: False):
        with pytest.raises(EngineError) as caught:
            engine.chat({**ASK, "messages": [{"role": "user", "content": "word " * 3000}]}, listener)
        assert (caught.value.status, caught.value.code) == (400, "context_length_exceeded")
    with pytest.raises(EngineError) as caught:
        engine.chat({**ASK, "temperature": "hot"})
    assert caught.value.status == 400
    with pytest.raises(EngineError) as caught:
        url_engine(llama, "wrong")
    assert (caught.value.status, caught.value.code) == (502, "upstream_refused_key")


class _Scripted(BaseHTTPRequestHandler):
    """Answers /v1/models well and anything else by the server's script."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        """List one model."""
        self._send(200, b'{"data": [{"id": "m", "max_model_len": 77}]}')

    def do_POST(self):
        """Note the body and answer by the script."""
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.bodies.append((self.path, body))
        self.server.peers.add(self.client_address)
        self._send(*self.server.script)

    def _send(self, status, data, headers=()):
        """Write an answer."""
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        """Say nothing."""


@pytest.fixture
def scripted():
    """A server whose answer a test sets."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Scripted)
    server.daemon_threads = True
    server.bodies, server.peers, server.script = [], set(), (200, b"{}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    server.engine = url_engine(f"http://127.0.0.1:{server.server_port}/v1", prefixes={"query": "query: "})
    yield server
    server.engine.close()
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize(
    ("status", "body", "expected", "code"),
    [
        (
            400,
            b'{"error": {"message": "This model\'s maximum context length is 9 tokens"}}',
            400,
            "context_length_exceeded",
        ),
        (400, b'{"error": {"message": "bad"}}', 400, "upstream_refused"),
        (422, b'{"detail": "bad"}', 422, "upstream_refused"),
        (429, b"{}", 429, "upstream_refused"),
        (403, b"no", 502, "upstream_refused_key"),
        (404, b'{"error": "model not found"}', 502, "upstream_error"),
        (500, b"<html>oops</html>", 502, "upstream_error"),
        (503, b"loading", 503, "upstream_unavailable"),
        (302, b"", 502, "upstream_error"),
        (200, b"no json", 502, "upstream_error"),
        (200, b"[]", 502, "upstream_error"),
    ],
)
def test_every_failure_of_the_server_has_a_status_of_ours(scripted, status, body, expected, code):
    """Refusals of the request pass; the server's own troubles never look like the caller's."""
    scripted.script = (status, body, [("Location", "http://127.0.0.1:1/")])
    with pytest.raises(EngineError) as caught:
        scripted.engine.chat(ASK)
    assert (caught.value.status, caught.value.code) == (expected, code)


@pytest.mark.parametrize(
    ("events", "message"),
    [
        (b'data: {"choices": [{"delta": {"content": "a"}}]}\n\n', "early"),
        (b'data: {"error": {"message": "out of memory", "code": 500}}\n\n', "out of memory"),
        (b"data: {broken\n\n", "no JSON"),
    ],
)
def test_a_broken_stream_is_an_error_not_a_short_answer(scripted, events, message):
    """A cut, an error event and a bad chunk all raise."""
    scripted.script = (200, events)
    with pytest.raises(EngineError, match=message):
        scripted.engine.chat(ASK, lambda _chunk: False)


def test_bodies_go_out_as_they_came_less_what_is_ours(scripted):
    """Tools stay native, None is left out, the model is the server's, input types become prefixes."""
    scripted.script = (200, b'{"choices": []}')
    tools = [{"type": "function", "function": {"name": "f"}}]
    scripted.engine.chat({**ASK, "model": "mine", "tools": tools, "seed": None, "top_k": 3})
    _, body = scripted.bodies[-1]
    assert body == {**ASK, "model": "m", "tools": tools, "top_k": 3}
    scripted.script = (
        200,
        b'{"data": [{"index": 1, "embedding": [0, 2]}, {"index": 0, "embedding": [3, 4]}]}',
    )
    vectors, tokens = scripted.engine.embed(["a", "b"], "query")
    assert (vectors, tokens) == ([[0.6, 0.8], [0.0, 1.0]], 0)
    assert scripted.bodies[-1][1]["input"] == ["query: a", "query: b"]
    assert scripted.engine.context_window == 77


def test_missing_vectors_are_an_error(scripted):
    """Fewer vectors than texts, or another form, never become a result."""
    for body in (b'{"data": []}', b'{"vectors": []}', b'{"data": [{"index": 0, "embedding": ["x"]}]}'):
        scripted.script = (200, body)
        with pytest.raises(EngineError):
            scripted.engine.embed(["a"], None)


def test_connections_are_reused(scripted):
    """Calls one after the other go over one connection, streams included."""
    scripted.script = (200, b'data: {"choices": [{"finish_reason": "stop"}]}\n\ndata: [DONE]\n\n')
    for _ in range(3):
        scripted.engine.chat(ASK, lambda _chunk: False)
    scripted.script = (200, b'{"choices": []}')
    for _ in range(3):
        scripted.engine.chat(ASK)
    assert len(scripted.peers) == 1


def test_without_a_tokenizer_route_tokens_are_estimated(scripted):
    """A server that cannot count is asked once."""
    scripted.script = (404, b"{}")
    assert scripted.engine.count_tokens("x" * 9) == 3
    asked = len(scripted.bodies)
    assert scripted.engine.count_tokens("x" * 8) == 2
    assert len(scripted.bodies) == asked


def test_no_server_and_no_url_are_told_apart():
    """Nothing listening is a 503; what is no URL is a 400."""
    with pytest.raises(EngineError) as caught:
        url_engine("http://127.0.0.1:1/v1")
    assert (caught.value.status, caught.value.code) == (503, "upstream_unreachable")
    for url in ("localhost:8000/v1", "ftp://host/v1", "http:///v1"):
        with pytest.raises(EngineError) as caught:
            url_engine(url)
        assert caught.value.status == 400
