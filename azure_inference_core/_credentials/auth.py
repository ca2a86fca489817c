"""A user's credential, whatever its kind, as the headers of a request.

A key goes into ``Authorization: Bearer`` and ``api-key`` (serverless and managed endpoints read the one,
Azure OpenAI and Foundry the other), read anew for every request, so that a rotated key is rotated in both.
A token is fetched once for all who wait for it, kept until five minutes before it expires, and works from sync
and async code whichever kind of credential gives it. A callable is asked for every attempt: what it keeps, and for
whom, is its own affair.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextvars
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any

from azure_inference_core._credentials.tokens import (
    SHARED_FOR,
    Ambient,
    EndedError,
    Flight,
    Provider,
    TokenSource,
    Workers,
    failure_of,
    running_loop,
)
from azure_inference_core._request.headers import header_value
from azure_inference_core._request.secrets import Secret
from azure_inference_core.errors import (
    AuthenticationError,
    ConfigurationError,
    DeadlineExceededError,
    InferenceError,
)

_REFRESH_BEFORE = 300.0
_SHARED_AFTER_CANCEL = 1.0


class Auth:
    """What gives a request its credential."""

    _remembered = 3

    def __init__(self) -> None:
        self._sent: tuple[Secret, ...] = ()

    @property
    def secrets(self) -> list[str]:
        """What was sent of late, and so may be quoted by a service."""
        return [secret.get_secret_value() for secret in self._sent]

    def headers(self, timeout: float) -> dict[str, str]:
        """The headers, within ``timeout`` seconds."""
        raise NotImplementedError

    async def aheaders(self, timeout: float) -> dict[str, str]:
        """The headers, within ``timeout`` seconds."""
        return self.headers(timeout)

    def renew(self, refused_since: float) -> bool:  # noqa: ARG002 - a key that was refused stays refused
        """Forget what was refused; whether asking again can give something new.

        Args:
            refused_since: When the refused request was made, on the monotonic clock, in seconds.
        """
        return False

    def close(self) -> None:
        """End what was kept for sync calls; the credential itself is its owner's."""

    def _remember(self, secret: str) -> None:
        if not self._sent or self._sent[0] != secret:
            others = [one for one in self._sent if one != secret]
            self._sent = (Secret(secret), *others[: self._remembered - 1])


class KeyAuth(Auth):
    """Headers of a key.

    Args:
        read: Gives the key as it is now.
    """

    def __init__(self, read: Callable[[], str]) -> None:
        super().__init__()
        self._read = read

    @property
    def key(self) -> str:
        """The key as it is now."""
        return check_key(self._read())

    def headers(self, timeout: float) -> dict[str, str]:  # noqa: ARG002 - a key needs no time
        """Both key headers."""
        key = self.key
        self._remember(key)
        return {"authorization": f"Bearer {key}", "api-key": key}


class NoAuth(Auth):
    """No header: a server without keys, or one whose key is a header of the user's own.

    Args:
        secrets: Values of such headers, which no text may quote, not even a part of them.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        super().__init__()
        self._sent = tuple(Secret(secret.rpartition(" ")[2]) for secret in secrets)

    def headers(self, timeout: float) -> dict[str, str]:  # noqa: ARG002 - there is nothing to wait for
        """None."""
        return {}


class TokenAuth(Auth):
    """Headers of an Entra ID token.

    Args:
        credential: A sync or async token credential.
        scopes: The scopes to ask for.
        clock: Seconds since the epoch.
    """

    def __init__(
        self, credential: Any, scopes: tuple[str, ...], clock: Callable[[], float] = time.time
    ) -> None:
        super().__init__()
        self._source = TokenSource(credential, scopes)
        self._scopes = scopes
        self._clock = clock
        self._lock = threading.Lock()
        self._flight: Flight | None = None
        self._abandoned = 0  # since the last token
        self._refresh_at = 0.0
        self._fetched_at = 0.0
        self._pid = os.getpid()
        self._workers = Workers()

    @property
    def given(self) -> Any:
        """The user's credential; ``None`` where it is the ambient one."""
        return None if isinstance(self._source.credential, Ambient) else self._source.credential

    def headers(self, timeout: float) -> dict[str, str]:
        """The token's header; many threads that need a new token make one request."""
        end = time.monotonic() + timeout
        token = self._current()
        while token is None:
            with self._joined(Flight(None, running_loop())) as shared:
                token = shared.result(end - time.monotonic())
        return {"authorization": f"Bearer {token}"}

    async def aheaders(self, timeout: float) -> dict[str, str]:
        """The token's header, without holding up the event loop."""
        end = time.monotonic() + timeout
        token = self._current()
        while token is None:
            with self._joined(Flight(asyncio.get_running_loop())) as shared:
                token = await asyncio.wait_for(asyncio.wrap_future(shared), end - time.monotonic())
        return {"authorization": f"Bearer {token}"}

    def renew(self, refused_since: float) -> bool:
        """Forget the token, unless it is newer than the refusal: the next request fetches a new one."""
        with self._lock:
            if self._fetched_at <= refused_since:
                self._refresh_at = 0.0
        return True

    def close(self) -> None:
        """End the loop of sync calls, unless another client with this credential uses it."""
        self._source.close()

    def _current(self) -> str | None:
        return self._sent[0].get_secret_value() if self._clock() < self._refresh_at else None

    @contextmanager
    def _joined(self, own: Flight) -> Iterator[concurrent.futures.Future[str]]:
        """The request for a token to wait for, which may be another's; when it has ended without one, try again."""
        flight = self._join(own)
        try:
            yield flight.token
        except EndedError:
            if flight is own:
                raise AuthenticationError("the credential's request for a token was cancelled") from None
        except InferenceError:
            raise
        except (TimeoutError, concurrent.futures.TimeoutError):
            # Later calls make their own request: at once, and less and less often while none of them ends.
            flight.shared_for = min(self._abandoned, SHARED_FOR)
            raise DeadlineExceededError("the credential gave no token in time; nothing was sent") from None
        except BaseException:
            flight.shared_for = min(flight.shared_for, _SHARED_AFTER_CANCEL)
            raise
        finally:
            self._leave(flight)

    def _join(self, own: Flight) -> Flight:
        self._leave_to_the_parent()
        with self._lock:
            if (token := self._current()) is not None:
                own.token.set_result(token)
                return own
            flight = self._flight
            if flight is None or not flight.serves(own):
                self._abandoned += flight is not None
                flight = self._flight = own
            flight.waiting += 1
        if flight is own:
            self._begin(flight)
        return flight

    def _leave_to_the_parent(self) -> None:
        if self._pid != os.getpid():
            # After a fork the threads that were to answer are the parent's.
            self._source.forked()
            self._pid, self._lock, self._flight, self._workers = (
                os.getpid(),
                threading.Lock(),
                None,
                Workers(),
            )

    def _leave(self, flight: Flight) -> None:
        with self._lock:
            flight.waiting -= 1
            if flight.waiting or flight.token.done():
                return
        with suppress(RuntimeError):  # its loop is closed
            flight.cancel()

    def _begin(self, flight: Flight) -> None:
        try:
            self._ask(flight)
        except BaseException as error:  # noqa: BLE001 - whoever waits must hear of it
            self._settle(flight, None, error)

    def _ask(self, flight: Flight) -> None:
        loop = flight.loop
        if loop is None or not self._source.is_async:
            # In another thread: a credential that hangs must not hold up the deadline.
            self._workers.do(partial(contextvars.copy_context().run, self._ask_in_thread, flight))
            return
        flight.runs_in = loop
        task = loop.create_task(self._ask_in_loop(flight))
        task.add_done_callback(lambda _: self._settle(flight, None, EndedError()))
        flight.cancel = lambda: loop.call_soon_threadsafe(task.cancel)

    # What failed is settled after it has been handled: azure-core's errors write down what is being handled.

    def _ask_in_thread(self, flight: Flight) -> None:
        answer, failure = None, None
        try:
            answer = self._source.ask_from_thread(flight) if flight.waiting else None
        except BaseException as error:  # noqa: BLE001 - whoever waits must hear of it
            failure = error
        self._settle(flight, answer, failure)

    async def _ask_in_loop(self, flight: Flight) -> None:
        answer, failure = None, None
        try:
            answer = await self._source.ask_in_loop()
        except Exception as error:  # noqa: BLE001 - as above; a cancelled task is settled by its callback
            failure = error
        self._settle(flight, answer, failure)

    def _settle(self, flight: Flight, answer: Any, error: BaseException | None = None) -> None:
        token, refresh_at = None, 0.0
        if error is None:
            try:
                token = header_value("the token", answer.token)
                expires = float(answer.expires_on)
                refresh_at = expires - min(_REFRESH_BEFORE, (expires - self._clock()) / 2)
            except BaseException as unusable:  # noqa: BLE001 - whoever waits must hear of it
                token, error = None, unusable
        with self._lock:
            if self._flight is flight:
                self._flight = None
            if token is not None:
                self._remember(token)
                self._refresh_at, self._fetched_at, self._abandoned = refresh_at, time.monotonic(), 0
        flight.end(token, failure_of(error, self._scopes))


class ProviderAuth(TokenAuth):
    """Headers of what a callable gives, such as that of ``azure.identity``'s ``get_bearer_token_provider``.

    It is asked for every attempt, in the context of the call and for no other: it may give each user a token.
    """

    _remembered = 256

    def _current(self) -> str | None:
        return None

    def _join(self, own: Flight) -> Flight:
        self._leave_to_the_parent()
        own.waiting = 1
        self._begin(own)
        return own


def is_token_credential(credential: Any) -> bool:
    """Whether an object gives tokens: as Azure's credentials do, or when it is called."""
    return _gives_tokens(credential) or (callable(credential) and not hasattr(credential, "get_secret_value"))


def _gives_tokens(credential: Any) -> bool:
    return any(callable(getattr(credential, name, None)) for name in ("get_token", "get_token_info"))


def check_key(key: Any) -> str:
    """Check a key; white space around it (a file's last line end) is removed.

    Raises:
        ConfigurationError: Empty or not legal in a header; the text never holds the key.
    """
    if not (key := header_value("the credential", key)):
        raise ConfigurationError("the credential is empty; pass the endpoint's key, or none for Entra ID")
    return key


def make_auth(credential: Any, scopes: tuple[str, ...]) -> Auth:
    """Find out what a credential is.

    Args:
        credential: A string, an object with ``get_secret_value()`` (pydantic's ``SecretStr``), an
            ``AzureKeyCredential``, a sync or async token credential, or a sync or async callable that gives a token.
        scopes: Scopes for tokens; a callable has its own.

    Raises:
        ConfigurationError: None of these, or an unusable key.
    """
    if isinstance(credential, type):
        raise ConfigurationError(f"the credential is a class; make one of it: {credential.__name__}(...)")
    if isinstance(credential, str):
        key = check_key(credential)
        return KeyAuth(lambda: key)
    if callable(getattr(credential, "get_secret_value", None)):
        check_key(credential.get_secret_value())
        return KeyAuth(credential.get_secret_value)
    if _gives_tokens(credential):
        return TokenAuth(credential, scopes)
    if isinstance(getattr(credential, "key", None), str):
        check_key(credential.key)
        return KeyAuth(lambda: str(credential.key))
    if callable(credential):
        return ProviderAuth(Provider(credential), ())
    raise ConfigurationError(
        f"a credential of type {type(credential).__name__} cannot be used; pass a string, a SecretStr, "
        "an AzureKeyCredential, a credential with get_token(), or a callable that gives a token"
    )
