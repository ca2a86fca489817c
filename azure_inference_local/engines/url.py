"""An engine behind a URL: any server with an OpenAI-compatible ``/v1`` (vLLM, llama.cpp, Ollama, ...)."""

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import urllib3

from azure_inference_local.engines.base import EngineError, OnChunk

_MOST_ANSWER = 64 * 1024 * 1024
_MOST_EVENT = 16 * 1024 * 1024
_CONTEXT_WORDS = (
    "exceed_context_size",
    "context length",
    "context_length",
    "context size",
    "too many tokens",
)
_NOT_OURS = frozenset({"input_type", "timings", "stream", "stream_options"})


class UrlEngine:
    """Chat, completions and embeddings by another server; it is both a ChatEngine and an EmbeddingEngine.

    Tools, response formats and sampling are left to that server; what it refuses is refused here.

    ```python
    from azure_inference_local.engines import UrlEngine

    with serve(model="smollm2-135m") as server:  # stands for vLLM, llama.cpp's server, Ollama, ...
        engine = UrlEngine(server.openai_v1_url, server.key, model="local")
        answer = engine.chat({"messages": [{"role": "user", "content": "Say hello."}], "max_tokens": 10})
        print(answer["choices"][0]["message"]["content"])
        print(engine.complete({"prompt": "Once upon", "max_tokens": 5})["choices"][0]["text"])
        vectors, tokens = engine.embed(["one text", "another"], None)
        print(engine.dimensions, engine.count_tokens("one text"))
        engine.close()
    ```

    Args:
        url: The base, ending in ``/v1`` as a rule.
        key: Sent as a bearer token.
        model: The name to ask for; the first that the server lists by default.
        embedding_model: The same for embeddings; ``model`` by default.
        context_window: Tokens of one request; what the server says, else 8192, by default.
        max_tokens: Tokens of a text to embed.
        prefixes: Texts to put before inputs of an ``input_type``, such as ``{"query": "query: "}``.
        timeout: Seconds to wait for the next byte.
        max_connections: Connections kept open.
        ca_bundle: A file of certificates to trust, for https.

    Raises:
        EngineError: The URL is none (400), or the server cannot be asked for its models (503, 502).
    """

    def __init__(
        self,
        url: str,
        key: str | None = None,
        *,
        model: str | None = None,
        embedding_model: str | None = None,
        context_window: int | None = None,
        max_tokens: int = 8192,
        prefixes: Mapping[str, str] | None = None,
        timeout: float = 600.0,
        max_connections: int = 64,
        ca_bundle: str | None = None,
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise EngineError(
                400, "invalid_url", "An engine's URL begins with http:// or https:// and names a host."
            )
        self._base = url.rstrip("/")
        self._root = f"{parts.scheme}://{parts.netloc}"
        self._headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._pool = urllib3.PoolManager(
            num_pools=4, maxsize=max_connections, block=False, retries=False, ca_certs=ca_bundle
        )
        self._timeout = urllib3.Timeout(connect=5.0, read=timeout)
        self._prefixes = dict(prefixes or {})
        self._closing = threading.Event()
        listed = self._models()
        self.name = model or listed.get("id") or "default"
        self._embedding_model = embedding_model or self.name
        self.context_window = context_window or _window(listed)
        self.max_tokens = max_tokens
        self._dimensions = 0
        self._counts = True

    @property
    def dimensions(self) -> int:
        """Numbers in a vector; asked of the server once."""
        if not self._dimensions:
            self.embed(["a"], None)
        return self._dimensions

    def chat(self, body: dict[str, Any], on_chunk: OnChunk | None = None) -> dict[str, Any]:
        """Pass a chat on; see ``ChatEngine.chat``."""
        return self._generate("/chat/completions", body, on_chunk)

    def complete(self, body: dict[str, Any], on_chunk: OnChunk | None = None) -> dict[str, Any]:
        """Pass a completion on; see ``ChatEngine.complete``."""
        return self._generate("/completions", body, on_chunk)

    def embed(self, texts: list[str], input_type: str | None = None) -> tuple[list[list[float]], int]:
        """The server's vectors, scaled to length one, and the tokens it counted."""
        if not texts:
            return [], 0
        prefix = self._prefixes.get(input_type or "", "")
        body = {
            "model": self._embedding_model,
            "input": [prefix + text for text in texts],
            "encoding_format": "float",
        }
        answer = self._ask("POST", self._base + "/embeddings", body)
        try:
            rows = sorted(answer["data"], key=lambda row: row["index"])
            vectors = [_unit([float(number) for number in row["embedding"]]) for row in rows]
            tokens = int((answer.get("usage") or {}).get("prompt_tokens") or 0)
        except (KeyError, TypeError, ValueError) as error:
            raise _upstream("gave embeddings of an unknown form") from error
        if len(vectors) != len(texts):
            raise _upstream(f"gave {len(vectors)} vectors for {len(texts)} texts")
        self._dimensions = len(vectors[0])
        return vectors, tokens

    def count_tokens(self, text: str) -> int:
        """The number of tokens: what the server's ``/tokenize`` says, else a quarter of the text's length."""
        if self._counts:
            body = {"content": text, "prompt": text, "model": self.name, "add_special_tokens": False}
            try:
                answer = self._ask("POST", self._root + "/tokenize", body)
                return int(answer["count"] if "count" in answer else len(answer["tokens"]))
            except (EngineError, KeyError, TypeError, ValueError):
                self._counts = False
        return -(-len(text) // 4)

    def close(self) -> None:
        """End what is running at its next chunk and close the connections."""
        self._closing.set()
        self._pool.clear()

    def _generate(self, path: str, body: dict[str, Any], on_chunk: OnChunk | None) -> dict[str, Any]:
        request = {name: value for name, value in body.items() if value is not None and name not in _NOT_OURS}
        request["model"] = self.name
        if on_chunk is None:
            answer = self._ask("POST", self._base + path, request)
            answer.pop("timings", None)
            return answer
        request |= {"stream": True, "stream_options": {"include_usage": True}}
        with self._open("POST", self._base + path, request) as response:
            self._relay(response, on_chunk)
        return {}

    def _relay(self, response: urllib3.BaseHTTPResponse, on_chunk: OnChunk) -> None:
        """Hand on the chunks; leaving early closes the connection, which cancels the server's work."""
        finished = False
        for data in _events(response):
            if data == b"[DONE]":
                return
            try:
                chunk = json.loads(data)
            except ValueError as error:
                raise _upstream("sent a chunk that is no JSON") from error
            if not isinstance(chunk, dict) or "error" in chunk:
                raise _refusal(502, data)
            chunk.pop("timings", None)
            finished = finished or any(choice.get("finish_reason") for choice in chunk.get("choices") or ())
            if on_chunk(chunk):
                response.close()
                return
            if self._closing.is_set():
                response.close()
                raise EngineError(503, "engine_closed", "The engine is closed.")
        if not finished:
            raise _upstream("ended its answer early")

    def _models(self) -> dict[str, Any]:
        answer = self._ask("GET", self._base + "/models", None)
        rows = answer.get("data")
        first = rows[0] if isinstance(rows, list) and rows else {}
        return first if isinstance(first, dict) else {}

    def _ask(self, method: str, url: str, body: dict[str, Any] | None) -> dict[str, Any]:
        with self._open(method, url, body) as response:
            try:
                data = response.read(_MOST_ANSWER + 1)
            except urllib3.exceptions.HTTPError as error:
                raise _upstream("ended its answer early") from error
            if len(data) > _MOST_ANSWER:
                response.close()
                raise _upstream("gave too large an answer")
        try:
            answer = json.loads(data)
        except ValueError as error:
            raise _upstream("gave an answer that is no JSON") from error
        if not isinstance(answer, dict):
            raise _upstream("gave an answer of an unknown form")
        return answer

    @contextmanager
    def _open(self, method: str, url: str, body: dict[str, Any] | None) -> Iterator[urllib3.BaseHTTPResponse]:
        """The answer to a request, once its status is good; its connection goes back to the pool when it was read."""
        if self._closing.is_set():
            raise EngineError(503, "engine_closed", "The engine is closed.")
        try:
            response = self._pool.request(
                method,
                url,
                body=None if body is None else json.dumps(body).encode(),
                headers={**self._headers, "Content-Type": "application/json"},
                timeout=self._timeout,
                preload_content=False,
                redirect=False,
            )
        except urllib3.exceptions.ReadTimeoutError as error:
            raise EngineError(
                504, "upstream_timeout", "The engine behind the URL did not answer in time."
            ) from error
        except urllib3.exceptions.HTTPError as error:
            raise EngineError(503, "upstream_unreachable", f"No engine answers at {self._root}.") from error
        try:
            if response.status >= 300:
                raise _refusal(response.status, response.read(65536))
            yield response
        except urllib3.exceptions.ReadTimeoutError as error:
            response.close()
            raise EngineError(
                504, "upstream_timeout", "The engine behind the URL stopped answering."
            ) from error
        except urllib3.exceptions.HTTPError as error:
            response.close()
            raise _upstream("ended its answer early") from error
        except BaseException:
            response.close()
            raise
        finally:
            response.release_conn()


def url_engine(url: str, key: str | None = None, **options: Any) -> UrlEngine:
    """An engine behind an OpenAI-compatible URL; the options are those of ``UrlEngine``.

    ```python
    from azure_inference_local.engines import url_engine

    with serve() as server:  # stands for vLLM, llama.cpp's server, Ollama, ...
        engine = url_engine(server.openai_v1_url, server.key, model="local")
        print(engine.name)
        engine.close()
    ```

    Raises:
        EngineError: The URL is none (400), or no engine answers there (503, 502).
    """
    return UrlEngine(url, key, **options)


def _events(response: urllib3.BaseHTTPResponse) -> Iterator[bytes]:
    """The data of each server-sent event; these servers write one line of data an event."""
    pending = b""
    for piece in response.stream(65536):
        *lines, pending = (pending + piece).split(b"\n")
        for line in lines:
            if line.startswith(b"data:"):
                yield line[5:].strip()
        if len(pending) > _MOST_EVENT:
            raise _upstream("sent too large a chunk")
    if pending.startswith(b"data:"):
        yield pending[5:].strip()


def _window(listed: dict[str, Any]) -> int:
    """The context of a model as vLLM or llama.cpp tell it."""
    meta = listed.get("meta")
    for value in (
        listed.get("max_model_len"),
        *((meta.get("n_ctx"), meta.get("n_ctx_train")) if isinstance(meta, dict) else ()),
    ):
        if isinstance(value, int) and value > 0:
            return value
    return 8192


def _upstream(what: str) -> EngineError:
    return EngineError(502, "upstream_error", f"The engine behind the URL {what}.")


def _refusal(status: int, data: bytes) -> EngineError:
    """The server's error as ours: its refusals of a request pass, its own troubles are a 502."""
    text = data.decode("utf-8", "replace")
    message = text
    try:
        body = json.loads(text)
        error = body.get("error", body)
        message = (
            str(error.get("message") or error.get("detail") or text)
            if isinstance(error, dict)
            else str(error)
        )
        code = error.get("code") if isinstance(error, dict) else None
        status = code if isinstance(code, int) and 400 <= code < 600 and status in (200, 502) else status
    except (ValueError, AttributeError):
        pass  # not JSON, or not an object: the text is the message
    message = " ".join(message.split())[:300]
    if status in (401, 403):
        return EngineError(
            502, "upstream_refused_key", "The engine behind the URL refused the key it was given."
        )
    if status in (400, 413) and any(words in text.lower() for words in _CONTEXT_WORDS):
        return EngineError(400, "context_length_exceeded", message)
    if status in (400, 413, 422, 429):
        return EngineError(status, "upstream_refused", message)
    if status in (503, 504):
        return EngineError(status, "upstream_unavailable", message)
    return EngineError(502, "upstream_error", f"The engine behind the URL answered {status}: {message}")


def _unit(vector: list[float]) -> list[float]:
    length = sum(number * number for number in vector) ** 0.5
    return [number / length for number in vector] if length else vector
