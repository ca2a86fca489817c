"""A user's credential, whatever its kind, as the headers of a request.

A key goes into ``Authorization: Bearer`` and ``api-key`` (serverless and managed endpoints read the one,
Azure OpenAI and Foundry the other), read anew for every request, so that a rotated key is rotated in both.
A token is fetched by one thread at a time, kept until five minutes before it expires, and works from sync
and async code whichever kind of credential gives it.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import inspect
import os
import threading
import time
from collections.abc import Callable, Coroutine
from typing import Any, Protocol

from azure_inference_core._request.headers import header_value
from azure_inference_core.errors import (
    AuthenticationError,
    ConfigurationError,
    DeadlineExceededError,
    InferenceError,
)

_REFRESH_BEFORE = 300.0
_CONCEALED = "[credential]"


class Auth(Protocol):
    """What gives a request its credential."""

    def headers(self, timeout: float) -> dict[str, str]:
        """The headers, within ``timeout`` seconds."""

    async def aheaders(self, timeout: float) -> dict[str, str]:
        """The headers, within ``timeout`` seconds."""

    def renew(self, refused_since: float) -> bool:
        """Forget what was refused; whether asking again can give something new.

        Args:
            refused_since: When the refused request was made, on the monotonic clock, in seconds.
        """

    def conceal(self, text: str) -> str:
        """A text of the service without the credential in it."""


class KeyAuth:
    """Headers of a key.

    Args:
        read: Gives the key as it is now.
    """

    def __init__(self, read: Callable[[], str]) -> None:
        self._read = read

    def headers(self, timeout: float) -> dict[str, str]:  # noqa: ARG002 - a key needs no time
        """Both key headers."""
        key = check_key(self._read())
        return {"authorization": f"Bearer {key}", "api-key": key}

    async def aheaders(self, timeout: float) -> dict[str, str]:
        """Both key headers."""
        return self.headers(timeout)

    def renew(self, refused_since: float) -> bool:  # noqa: ARG002 - there is nothing newer
        """A key that was refused stays refused."""
        return False

    def conceal(self, text: str) -> str:
        """The text without the key in it."""
        return text.replace(self._read().strip(), _CONCEALED)


class TokenAuth:
    """Headers of an Entra ID token.

    Args:
        get_credential: Gives the sync or async token credential; called once, at the first request.
        scopes: The scopes to ask for.
        clock: Seconds since the epoch.
    """

    def __init__(
        self,
        get_credential: Callable[[], Any],
        scopes: tuple[str, ...],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._get_credential = get_credential
        self._scopes = scopes
        self._clock = clock
        self._lock = threading.Lock()
        self._pending: concurrent.futures.Future[str] | None = None
        self._token = ""
        self._refresh_at = 0.0
        self._credential: Any = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._fetched_at = 0.0
        self._pid = os.getpid()

    def headers(self, timeout: float) -> dict[str, str]:
        """The token's header; many threads that need a new token make one request."""
        if (token := self._current()) is None:
            try:
                token = self._fetch().result(timeout)
            except concurrent.futures.TimeoutError:
                raise self._too_slow() from None
        return {"authorization": f"Bearer {token}"}

    async def aheaders(self, timeout: float) -> dict[str, str]:
        """The token's header, without holding up the event loop."""
        if (token := self._current()) is None:
            try:
                shared = asyncio.shield(asyncio.wrap_future(self._fetch()))
                token = await asyncio.wait_for(shared, timeout)
            except (asyncio.TimeoutError, concurrent.futures.TimeoutError):
                raise self._too_slow() from None
        return {"authorization": f"Bearer {token}"}

    def renew(self, refused_since: float) -> bool:
        """Forget the token, unless it is newer than the refusal: the next request fetches a new one."""
        with self._lock:
            if self._fetched_at <= refused_since:
                self._refresh_at = 0.0
        return True

    def conceal(self, text: str) -> str:
        """The text without the token in it."""
        return text.replace(self._token, _CONCEALED) if self._token else text

    def _current(self) -> str | None:
        return self._token if self._clock() < self._refresh_at else None

    def _fetch(self) -> concurrent.futures.Future[str]:
        if self._pid != os.getpid():
            # After a fork the threads that were to answer are the parent's.
            self._pid, self._lock, self._pending, self._loop = os.getpid(), threading.Lock(), None, None
        with self._lock:
            if self._pending is None:
                self._pending = concurrent.futures.Future()
                # A thread of its own: a credential that hangs must not hold up the deadline.
                threading.Thread(target=self._ask, args=(self._pending,), daemon=True).start()
            return self._pending

    def _ask(self, pending: concurrent.futures.Future[str]) -> None:
        failure: InferenceError | None = None
        try:
            answer = self._get_token()
            token = header_value("the token", answer.token)
            expires = float(answer.expires_on)
        except InferenceError as error:
            failure = error
        except BaseException as error:  # noqa: BLE001 - whoever waits must hear of it
            failure = AuthenticationError(
                f"the credential gave no token for {', '.join(self._scopes)}: "
                f"{type(error).__name__}: {str(error)[:400]}"
            )
            failure.__cause__ = error
        with self._lock:
            self._pending = None
            if failure is None:
                self._token, self._fetched_at = token, time.monotonic()
                self._refresh_at = expires - min(_REFRESH_BEFORE, (expires - self._clock()) / 2)
        if failure is None:
            pending.set_result(token)
        else:
            pending.set_exception(failure)

    def _get_token(self) -> Any:
        if self._credential is None:
            self._credential = self._get_credential()
        if not inspect.iscoroutinefunction(self._credential.get_token):
            return self._credential.get_token(*self._scopes)
        if self._loop is None:
            # An async credential keeps connections of one loop; it gets one that lives as long as it does.
            self._loop = asyncio.new_event_loop()
            threading.Thread(target=self._loop.run_forever, daemon=True).start()
        coroutine: Coroutine[Any, Any, Any] = self._credential.get_token(*self._scopes)
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()

    def _too_slow(self) -> DeadlineExceededError:
        return DeadlineExceededError("the credential gave no token in time; nothing was sent")


def check_key(key: Any) -> str:
    """Check a key; white space around it (a file's last line end) is removed.

    Raises:
        ConfigurationError: Empty or not legal in a header; the text never holds the key.
    """
    if not (key := header_value("the credential", key)):
        raise ConfigurationError(
            "the credential is empty; pass the endpoint's key, or leave it out to use Entra ID"
        )
    return key


def make_auth(credential: Any, scopes: tuple[str, ...]) -> Auth:
    """Find out what a credential is.

    Args:
        credential: A string, an object with ``get_secret_value()`` (pydantic's ``SecretStr``), an
            ``AzureKeyCredential``, a sync or async token credential, or ``None`` for
            ``DefaultAzureCredential``.
        scopes: Scopes for tokens.

    Raises:
        ConfigurationError: None of these, or an unusable key.
    """
    if credential is None:
        return TokenAuth(_default_credential, scopes)
    if isinstance(credential, str):
        key = check_key(credential)
        return KeyAuth(lambda: key)
    if callable(getattr(credential, "get_secret_value", None)):
        check_key(credential.get_secret_value())
        return KeyAuth(credential.get_secret_value)
    if callable(getattr(credential, "get_token", None)):
        return TokenAuth(lambda: credential, scopes)
    if isinstance(getattr(credential, "key", None), str):
        check_key(credential.key)
        return KeyAuth(lambda: str(credential.key))
    raise ConfigurationError(
        f"a credential of type {type(credential).__name__} cannot be used; pass a string, a SecretStr, "
        "an AzureKeyCredential, or a credential with get_token()"
    )


def _default_credential() -> Any:
    from azure.identity import DefaultAzureCredential  # noqa: PLC0415 - costs a user of keys 0.2 s

    return DefaultAzureCredential()
