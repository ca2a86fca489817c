"""llama.cpp in this process: life cycle, a bounded queue in front of its slots, errors, and cancellation."""

import atexit
import http.client
import json
import os
import secrets
import shutil
import socket
import tempfile
import threading
import weakref
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

from azure_inference_local.engines.base import EngineError, OnChunk, missing_extra
from azure_inference_local.engines.cpus import MOST_THREADS, generation_threads, usable_cpus

_SOCKET_PATH_LIMIT = 100
_CLOSE_SECONDS = 60.0
_PROMPT_BATCH = 256
"""Tokens of a prompt processed between two looks at whether the request was cancelled."""
_SPINS = "2000"
"""Turns a thread waits for the others before it sleeps."""


def _library() -> Any:
    """llama.cpp, loaded so that its threads wait for each other in short turns.

    They meet some hundred times a token. Those that never sleep in between make a generation a hundred times slower as
    soon as a neighbour is busy; those that sleep at once halve its speed on an idle machine. The runtime reads the
    setting once, when it is loaded.
    """
    settings = ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY")
    own = not any(name in os.environ for name in settings)
    if own:
        os.environ["GOMP_SPINCOUNT"] = _SPINS
    try:
        import xllamacpp  # noqa: PLC0415 - optional dependency, loaded when first used
    except ModuleNotFoundError as error:
        raise missing_extra("xllamacpp") from error
    except ImportError as error:  # a library of the system is missing: slim images have no libgomp
        hint = " On Debian and Ubuntu: apt-get install libgomp1" if "libgomp" in str(error) else ""
        raise EngineError(503, "missing_dependency", f"llama.cpp cannot be loaded: {error}.{hint}") from error
    finally:
        if own:
            os.environ.pop("GOMP_SPINCOUNT", None)
    return xllamacpp


class Llama:
    """One loaded GGUF model with a fixed number of slots.

    The engine's interpreter must not exit while a generation runs (the process would crash), so every request
    goes through a callback that can cancel it, and closing waits until the last one has left.
    """

    def __init__(
        self, path: Path, *, context: int, slots: int, threads: int | None, max_waiting: int
    ) -> None:
        self.context = context
        self._slots = slots
        self._max_waiting = max_waiting
        self._changed = threading.Condition()
        self._waiting: deque[threading.Event] = deque()
        self._active = 0
        self._closing = False
        self._pid = os.getpid()
        self._key = secrets.token_hex(16)
        self._folder = tempfile.mkdtemp(prefix="azure-inference-local-")
        self._server: Any = None
        try:
            self._server = self._start(path, threads)
        except BaseException:
            shutil.rmtree(self._folder, ignore_errors=True)
            raise
        _open_engines.add(self)

    def _start(self, path: Path, threads: int | None) -> Any:
        xllamacpp = _library()
        if not path.is_file():
            raise EngineError(503, "weights_missing", f"There is no model file at {path}.")
        params = xllamacpp.CommonParams()
        params.model.path = str(path)
        params.n_ctx = self.context * self._slots
        params.n_parallel = self._slots
        params.n_batch = params.n_ubatch = _PROMPT_BATCH
        params.cpuparams.n_threads = threads or generation_threads()
        params.cpuparams_batch.n_threads = threads or min(MOST_THREADS, usable_cpus())
        settings = {"verbosity": 0, "ui": False, "endpoint_slots": False, "api_keys": [self._key]}
        # The engine's own cache of old prompts may take gigabytes; the slots' own caches are enough.
        settings |= {"cache_ram_mib": 0, "port": 0}
        socket_path = str(Path(self._folder) / "llama.sock")
        if hasattr(socket, "AF_UNIX") and os.name == "posix" and len(socket_path) < _SOCKET_PATH_LIMIT:
            settings["hostnames"] = [socket_path]  # its own listener then opens no TCP port
        for name, value in settings.items():
            if hasattr(params, name):  # names come and go with llama.cpp
                setattr(params, name, value)
        try:
            return xllamacpp.Server(params)
        except RuntimeError as error:
            raise EngineError(
                503,
                "weights_unusable",
                f"llama.cpp cannot load {path.name}: is it a whole GGUF file of a chat model?",
            ) from error

    def run(
        self, route: str, body: dict[str, Any], on_chunk: OnChunk, on_start: Callable[[], None] = lambda: None
    ) -> None:
        """Generate, giving each chunk to ``on_chunk`` on this thread; True from it cancels.

        Args:
            route: "chat_completions" or "completions".
            body: The request in llama.cpp's words.
            on_chunk: Sees chunks with choices or usage only.
            on_start: Called once the request is accepted, before its prompt is read.

        Raises:
            EngineError: The request was refused, too many wait, or the engine is closed.
        """
        self._enter()
        try:
            self._run(route, body, on_chunk, on_start)
        finally:
            self._leave()

    def _run(self, route: str, body: dict[str, Any], on_chunk: OnChunk, on_start: Callable[[], None]) -> None:
        failure: list[BaseException] = []
        started = False

        def receive(chunk: dict[str, Any]) -> bool:
            nonlocal started
            try:
                if "error" in chunk:
                    raise _refusal(chunk["error"])
                if not started:
                    started = True
                    on_start()
                return self._closing or ("prompt_progress" not in chunk and on_chunk(chunk))
            except BaseException as error:  # noqa: BLE001 - the engine would swallow it; raised again below
                failure.append(error)
                return True

        request = {**body, "stream": True, "stream_options": {"include_usage": True}, "return_progress": True}
        try:
            answer = getattr(self._server, f"handle_{route}")(request, receive)
        except (TypeError, ValueError) as error:
            if "schema" in str(error):
                raise EngineError(422, "invalid_schema", _first_line(error)) from error
            raise EngineError(400, "invalid_request", _first_line(error)) from error
        except RuntimeError as error:
            raise EngineError(500, "engine_failure", _first_line(error)) from error
        if failure:
            raise failure[0]
        if isinstance(answer, dict) and "error" in answer:
            raise _refusal(answer["error"])
        if self._closing:
            raise _closed()

    def _enter(self) -> None:
        """Take a slot, in order of arrival."""
        with self._changed:
            if self._closing or os.getpid() != self._pid:
                raise _closed()
            if self._active < self._slots:
                self._active += 1
                return
            if len(self._waiting) >= self._max_waiting:
                raise EngineError(429, "engine_busy", f"{self._max_waiting} requests are already waiting.")
            turn = threading.Event()
            self._waiting.append(turn)
        try:
            turn.wait()
        except BaseException:  # an interrupt of the waiting thread must not keep its place
            with self._changed:
                if turn in self._waiting:
                    self._waiting.remove(turn)
                    raise
            self._leave()
            raise
        if self._closing:
            self._leave()
            raise _closed()

    def _leave(self) -> None:
        with self._changed:
            if self._waiting:
                self._waiting.popleft().set()  # the slot passes to the next one
            else:
                self._active -= 1
                self._changed.notify_all()

    def count_tokens(self, text: str) -> int:
        """The number of tokens of a text, without special tokens."""
        with self._changed:
            if self._closing or os.getpid() != self._pid:
                raise _closed()
            connection = _connect(self._server.listening_address)
        try:
            payload = json.dumps({"content": text, "add_special": False})
            headers = {"Authorization": f"Bearer {self._key}", "Content-Type": "application/json"}
            connection.request("POST", "/tokenize", payload, headers)
            answer = connection.getresponse()
            data = json.loads(answer.read())
        except (OSError, ValueError, http.client.HTTPException) as error:
            raise EngineError(500, "engine_failure", "llama.cpp did not count the tokens.") from error
        finally:
            connection.close()
        if answer.status != 200:
            raise _refusal(data.get("error", {}))
        return len(data["tokens"])

    def close(self) -> None:
        """Cancel all requests, wait for them to leave, free the model."""
        if os.getpid() != self._pid:
            return  # a forked child has the object but not the engine's threads
        with self._changed:
            self._closing = True
            if not self._changed.wait_for(lambda: self._active == 0, timeout=_CLOSE_SECONDS):
                return  # still in use: freeing it now would crash the process
            self._server = None
        _open_engines.discard(self)
        shutil.rmtree(self._folder, ignore_errors=True)


class _UnixConnection(http.client.HTTPConnection):
    """HTTP over a unix socket."""

    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=60)
        self._path = path

    def connect(self) -> None:
        """Open the socket."""
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def _connect(address: str) -> http.client.HTTPConnection:
    scheme, _, rest = address.partition("://")
    if scheme == "unix":
        return _UnixConnection(rest)
    return http.client.HTTPConnection(rest.rstrip("/"), timeout=60)


def _closed() -> EngineError:
    return EngineError(503, "engine_closed", "The engine is closed.")


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or ["the engine refused the request"])[0][:300]


def _refusal(error: dict[str, Any]) -> EngineError:
    """llama.cpp's error object as an EngineError."""
    if error.get("type") == "exceed_context_size_error":
        window, tokens = error.get("n_ctx"), error.get("n_prompt_tokens")
        return EngineError(
            400,
            "context_length_exceeded",
            f"This model's maximum context length is {window} tokens. However, your request has {tokens} tokens. "
            "Please shorten it.",
        )
    status = error.get("code")
    message = str(error.get("message") or "the engine refused the request").splitlines()[0][:300]
    if isinstance(status, int) and 400 <= status < 500:
        return EngineError(status, "invalid_request", message)
    return EngineError(500, "engine_failure", message)


_open_engines: "weakref.WeakSet[Llama]" = weakref.WeakSet()


@atexit.register
def _close_all() -> None:
    """Leave no generation running when the interpreter exits."""
    for engine in list(_open_engines):
        engine.close()
