"""A token credential of whatever kind, asked in a thread, or awaited in an event loop where that can work.

An async credential keeps connections, and those belong to one event loop. It is awaited in the loop of the async
call; where that fails, in the loop it last worked in, if that still runs. Sync calls ask it there too, and in a
loop of their own otherwise, which ends when the clients do.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import inspect
import os
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NamedTuple

from azure_inference_core._request.headers import header_value
from azure_inference_core.errors import AuthenticationError, ConfigurationError, InferenceError

SHARED_FOR = 30.0  # seconds; a token request that takes longer keeps nobody else waiting
_THREADS = 32  # of one credential
_HELD_UP = 1.0  # seconds until a loop that does not begin what it is given counts as blocked


class Asking:
    """One request for a token on its way.

    Args:
        loop: The event loop of the async call that makes it.
        held_up: The event loop whose thread waits for it.

    Attributes:
        runs_in: The event loop it needs.
        cancel: Ends it; a thread cannot be ended.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop | None, held_up: asyncio.AbstractEventLoop | None = None
    ) -> None:
        self.loop = loop
        self.held_up = held_up
        self.runs_in: asyncio.AbstractEventLoop | None = None
        self.cancel: Callable[[], object] = bool


class EndedError(Exception):
    """A request for a token was cancelled, mostly because its event loop ended."""


class Flight(Asking):
    """A request for a token that all who need one share.

    Args:
        loop: The event loop of the async call that began it.
        held_up: The event loop whose thread waits for it.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop | None, held_up: asyncio.AbstractEventLoop | None = None
    ) -> None:
        super().__init__(loop, held_up)
        self.started = time.monotonic()
        self.shared_for = SHARED_FOR
        self.waiting = 0
        self.token: concurrent.futures.Future[str] = concurrent.futures.Future()
        self.token.set_running_or_notify_cancel()  # nobody who waits can cancel it for the others

    def serves(self, other: Flight) -> bool:
        """Whether who would begin another should wait for this one: it is young, and goes on while they wait."""
        is_young = time.monotonic() - self.started <= self.shared_for
        return is_young and (other.held_up is None or other.held_up is not self.runs_in)

    def end(self, token: str | None, failure: BaseException) -> None:
        """Tell all who wait."""
        with suppress(concurrent.futures.InvalidStateError):
            if token is None:
                self.token.set_exception(failure)
            else:
                self.token.set_result(token)


class TokenSource:
    """A credential, asked for tokens of the same scopes.

    Args:
        credential: With ``get_token()`` or ``get_token_info()``, sync or async.
        scopes: What to ask it for.
    """

    def __init__(self, credential: Any, scopes: tuple[str, ...]) -> None:
        self.credential = credential
        self._scopes = scopes
        self._get = getattr(credential, "get_token", None) or credential.get_token_info
        self.is_async = inspect.iscoroutinefunction(self._get) or hasattr(type(credential), "__aenter__")
        self._held: _Loops | None = None
        if self.is_async:
            self._loops()  # which may be given in the loop where it was opened

    def ask_from_thread(self, asking: Asking) -> Any:
        """Ask, and wait for the answer in this thread."""
        if self.is_async:
            return self._await_from_thread(asking, self._ask)
        try:
            answer = self._ask()
        except RuntimeError as error:
            if "event loop" not in text_of(error):
                raise
            answer = self._await_from_thread(asking, self._ask)
            self.is_async = True  # it makes a task, or a future
            return answer
        return self._await_from_thread(asking, lambda: answer) if inspect.isawaitable(answer) else answer

    async def ask_in_loop(self) -> Any:
        """Ask, and await the answer."""
        try:
            return await self._awaited(self._ask)
        except Exception:
            home = self._loops().home
            if home is None or home is asyncio.get_running_loop() or not home.is_running():
                raise
            there = asyncio.run_coroutine_threadsafe(self._awaited(self._ask), home)
            return await asyncio.wrap_future(there)

    def close(self) -> None:
        """End the loop of sync calls, unless another client with this credential uses it."""
        self._held = None

    def forked(self) -> None:
        """Leave to the parent process what is the parent's."""
        _of_the_parent.append(self._held)
        self._held = None

    def _ask(self) -> Any:
        return self._get(*self._scopes)

    def _await_from_thread(self, asking: Asking, ask: Callable[[], Any]) -> Any:
        loops = self._loops()
        for loop in (asking.loop, loops.home):
            if loop is not None and loop is not asking.held_up and loop.is_running():
                begun = threading.Event()
                future = asyncio.run_coroutine_threadsafe(self._awaited(ask, begun), loop)
                if begun.wait(_HELD_UP):
                    break
                future.cancel()
        else:
            loop = loops.own()
            future = asyncio.run_coroutine_threadsafe(self._awaited(ask), loop)
        asking.runs_in, asking.cancel = loop, future.cancel
        return future.result()

    async def _awaited(self, ask: Callable[[], Any], begun: threading.Event | None = None) -> Any:
        if begun is not None:
            begun.set()
        answer = ask()
        if inspect.isawaitable(answer):
            answer = await answer
        self._loops().home = asyncio.get_running_loop()
        return answer

    def _loops(self) -> _Loops:
        if (loops := self._held) is None:
            loops = self._held = _shared.setdefault((os.getpid(), id(self.credential)), _Loops())
        return loops


class _Token(NamedTuple):
    token: str
    expires_on: float


class Workers:
    """Threads that ask credentials: daemons, so that the program's end waits for none, and few at once.

    One that hangs keeps its thread; who asks when all of them hang waits for one.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: deque[Callable[[], object]] = deque()
        self._threads = 0

    def do(self, work: Callable[[], object]) -> None:
        """Do it as soon as a thread is free."""
        with self._lock:
            self._waiting.append(work)
            if self._threads == _THREADS:
                return
            self._threads += 1
        try:
            threading.Thread(target=self._serve, daemon=True).start()
        except BaseException:
            with self._lock:
                self._threads -= 1
            raise

    def _serve(self) -> None:
        while True:
            with self._lock:
                if not self._waiting:
                    self._threads -= 1
                    return
                work = self._waiting.popleft()
            work()


class Provider:
    """A callable as a token credential.

    Args:
        provide: Sync or async; gives the token's text, or an object that has it.
    """

    def __init__(self, provide: Callable[[], Any]) -> None:
        self._provide = provide
        called = provide if inspect.isroutine(provide) else getattr(provide, "__call__", provide)  # noqa: B004 - to look at it
        is_async = inspect.iscoroutinefunction(provide) or inspect.iscoroutinefunction(called)
        self.get_token = self._await_token if is_async else self._get_token

    def _get_token(self, *_scopes: str) -> Any:
        given = self._provide()
        return self._await_token(given=given) if inspect.isawaitable(given) else _read_token(given)

    async def _await_token(self, *_scopes: str, given: Any = None) -> _Token:
        return _read_token(await (self._provide() if given is None else given))


def _read_token(given: Any) -> _Token:
    reveal = getattr(given, "get_secret_value", None)
    text = header_value("the token", reveal() if reveal else getattr(given, "token", given))
    if not (text := text.removeprefix("Bearer ").strip()):
        raise ConfigurationError("the credential gave an empty token")
    return _Token(text, time.time())


class Ambient:
    """``DefaultAzureCredential``, made at the first request.

    Args:
        cloud: The end of its domains, such as ``"us"``: its own authority is asked.
    """

    _credential: Any = None

    def __init__(self, cloud: str) -> None:
        self._cloud = cloud

    def get_token(self, *scopes: str) -> Any:
        """Its token."""
        if self._credential is None:
            from azure.identity import DefaultAzureCredential  # noqa: PLC0415 - costs a user of keys 0.2 s

            authority = None if "AZURE_AUTHORITY_HOST" in os.environ else _AUTHORITIES.get(self._cloud)
            self._credential = DefaultAzureCredential(**({"authority": authority} if authority else {}))
        return self._credential.get_token(*scopes)


_AUTHORITIES = {"us": "login.microsoftonline.us", "cn": "login.chinacloudapi.cn"}
"""Where tokens of the sovereign clouds come from; of the public cloud the library knows."""


class _Loops:
    """The event loops in which one async credential is awaited, for all clients that use it.

    Attributes:
        home: The one it last worked in, or was given in.
    """

    def __init__(self) -> None:
        self.home = running_loop()
        self._own: asyncio.AbstractEventLoop | None = None
        self._lock = threading.Lock()

    def own(self) -> asyncio.AbstractEventLoop:
        """The one of sync calls; it ends with this object."""
        with self._lock:
            if self._own is None:
                self._own = asyncio.new_event_loop()
                threading.Thread(target=_run, args=(self._own,), daemon=True).start()
                weakref.finalize(self, _stop, self._own, os.getpid())
            return self._own


_shared: weakref.WeakValueDictionary[tuple[int, int], _Loops] = weakref.WeakValueDictionary()
"""By process and credential: clients that share a credential share what it is bound to."""

_of_the_parent: list[Any] = []
"""What a forked process must neither use nor close."""


def _run(loop: asyncio.AbstractEventLoop) -> None:
    try:
        loop.run_forever()
        if tasks := asyncio.all_tasks(loop):
            for task in tasks:
                task.cancel()
            loop.run_until_complete(asyncio.wait(tasks))
        loop.run_until_complete(loop.shutdown_asyncgens())
    finally:
        loop.close()


def _stop(loop: asyncio.AbstractEventLoop, pid: int) -> None:
    if pid == os.getpid() and not loop.is_closed():
        loop.call_soon_threadsafe(loop.stop)


def running_loop() -> asyncio.AbstractEventLoop | None:
    """The event loop of this thread, if it runs."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def text_of(error: BaseException) -> str:
    """An exception's text, cut short; empty where it cannot be had."""
    try:
        return str(error)[:400]
    except Exception:  # noqa: BLE001 - whatever a credential's own class raises
        return ""


def failure_of(error: BaseException | None, scopes: tuple[str, ...]) -> BaseException:
    """What those who wait are told of a request for a token that failed."""
    if error is None or isinstance(error, (InferenceError, EndedError)):
        return error.with_traceback(None) if error else EndedError()
    if isinstance(error, (asyncio.CancelledError, concurrent.futures.CancelledError)):
        return EndedError()
    wanted = f" for {', '.join(scopes)}" if scopes else ""
    text = f"the credential gave no token{wanted}: {type(error).__name__}: {text_of(error)}"
    if isinstance(error, RuntimeError) and "loop" in text:
        text += (
            ". An async credential works in the event loop it was first used in, as long as that runs: make one "
            "for each loop, or use a sync credential"
        )
    failure = AuthenticationError(text)
    failure.__cause__ = error
    return failure
