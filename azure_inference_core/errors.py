"""Every failure of this package is one class of this tree.

```
InferenceError
├─ ConfigurationError (ValueError)         nothing was sent
├─ ConnectionFailedError                   DNS, refused, TLS, reset
├─ DeadlineExceededError (TimeoutError)    connect, silence or total time ran out
├─ StatusError (HttpResponseError)         the endpoint answered 3xx, 4xx or 5xx
│  ├─ AuthenticationError                  401
│  ├─ PermissionDeniedError                403
│  ├─ NotFoundError                        404, 405, 410
│  ├─ RateLimitedError                     429, and 403 for a gateway's quota
│  ├─ ServerError                          408, 424, 5xx
│  ├─ RedirectRefusedError                 3xx
│  └─ InvalidRequestError                  400, 409, 413, 415, 422 and other 4xx
│     ├─ UnsupportedParameterError         a parameter the model refuses: .parameters
│     ├─ ContentFilteredError              content safety: .categories, .source
│     └─ ContextLengthError                the prompt does not fit the model
└─ ResponseError                           answered, but not with an answer
   ├─ MalformedResponseError               not JSON, wrong shape, bad vectors
   ├─ IncompleteResponseError              ended before the service said it was complete
   └─ ResponseTooLargeError                over a size limit
```

Every class pickles, and no text holds a key, a header value or the prompt.
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from azure.core.exceptions import HttpResponseError

__all__ = [
    "AuthenticationError",
    "ConfigurationError",
    "ConnectionFailedError",
    "ContentFilteredError",
    "ContextLengthError",
    "DeadlineExceededError",
    "ErrorResponse",
    "IncompleteResponseError",
    "InferenceError",
    "InvalidRequestError",
    "MalformedResponseError",
    "NotFoundError",
    "PermissionDeniedError",
    "RateLimitedError",
    "RedirectRefusedError",
    "RefusedParameter",
    "ResponseError",
    "ResponseTooLargeError",
    "ServerError",
    "StatusError",
    "UnsupportedParameterError",
]


class RefusedParameter(NamedTuple):
    """One parameter that the model or endpoint refused: an entry of ``UnsupportedParameterError.parameters``.

    ```python
    try:
        client.complete(messages, top_k=40, extra_parameters="error")
    except UnsupportedParameterError as error:
        print([parameter.name for parameter in error.parameters])
    ```

    Attributes:
        name: Path in the request body, e.g. ``response_format``, ``messages.0.role`` or, where the service writes it so,
            ``tools[0].function.name``.
        value: The refused value as the service echoed it; ``None`` when it did not.
        message: What the service said about it.
    """

    name: str
    value: Any
    message: str


class ErrorResponse:
    """The answer behind a status error, for code written against ``HttpResponseError.response``.

    The body (at most 64 KiB) can quote the request, so it never appears in ``repr``.

    ```python
    try:
        client.complete(messages, top_k=40, extra_parameters="error")
    except StatusError as error:
        print(error.response.status_code, error.response.json())
        print(error.response.text()[:80])
    ```
    """

    def __init__(self, status_code: int, headers: dict[str, str], body: bytes) -> None:
        self.status_code = status_code
        self.reason = ""
        self.headers = headers
        self.content = body

    def text(self) -> str:
        """The body as text; bytes that are not UTF-8 are replaced."""
        return self.content.decode("utf-8", "replace")

    def json(self) -> Any:
        """The body as JSON.

        Raises:
            ValueError: The body is not JSON.
        """
        return json.loads(self.content)

    def __repr__(self) -> str:
        return f"<ErrorResponse {self.status_code}, {len(self.content)} bytes>"


def _rebuild(cls: type[InferenceError], message: str, state: dict[str, Any]) -> InferenceError:
    error = cls(message)
    error.__dict__.update(state)
    return error


class InferenceError(Exception):
    """Base of everything this package raises on purpose.

    ```python
    try:
        client.complete(messages, max_retries=1, headers={"x-fault": "status=500"})
    except InferenceError as error:
        print(type(error).__name__, error.status, error.attempts, error.is_retryable)
    ```

    Attributes:
        status: HTTP status of the answer, or ``None`` when there was none. For a 424 of a managed
            endpoint this is 424; ``model_status`` in the text is the container's own.
        code: The service's error code, e.g. ``"parameter_not_supported"``.
        request_id: The service's id of the request, to quote to support.
        retry_after: Seconds the service asked to wait.
        is_retryable: Whether sending the same request again can succeed.
        attempts: How many times the request was sent.
        partial: The text of a stream that came before the error; empty when there was none.
    """

    is_retryable: bool = False
    partial: str = ""

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        code: str | None = None,
        request_id: str | None = None,
        retry_after: float | None = None,
        is_retryable: bool | None = None,
        attempts: int = 0,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.code = code
        self.request_id = request_id
        self.retry_after = retry_after
        if is_retryable is not None:
            self.is_retryable = is_retryable
        self.attempts = attempts

    def __str__(self) -> str:
        return self.message

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), self.message, self.__dict__.copy())


class ConfigurationError(InferenceError, ValueError):
    """The call or the constructor was wrong; nothing was sent.

    ```python
    try:
        client.complete(messages, timeout=-1)
    except ConfigurationError as error:
        print(error)
    ```
    """


class ConnectionFailedError(InferenceError):
    """No connection: DNS, refused, TLS, reset before an answer.

    ```python
    nobody = Connection(endpoint="http://127.0.0.1:9", credential="<key>", max_retries=0)
    try:
        ChatClient(nobody).complete(messages)
    except ConnectionFailedError as error:
        print(error, error.is_retryable)
    ```
    """

    is_retryable = True


class DeadlineExceededError(InferenceError, TimeoutError):
    """Connecting, a silence, or the whole call took longer than allowed.

    ```python
    try:
        client.complete(messages, timeout=0.2, headers={"x-fault": "latency=2"})
    except DeadlineExceededError as error:
        print(error)
    ```
    """

    is_retryable = True


class StatusError(InferenceError, HttpResponseError):
    """The endpoint answered with a status other than 2xx.

    Also an ``azure.core.exceptions.HttpResponseError``: ``status_code``, ``reason``, ``message`` and
    ``response`` are there for code written against the SDK.

    ```python
    try:
        client.complete(messages, headers={"x-fault": "status=409"})
    except StatusError as error:
        print(error.status, error.code, error.request_id)
    ```
    """

    def __init__(self, message: str, *, response: ErrorResponse | None = None, **details: Any) -> None:
        super().__init__(message, **details)
        self.status_code = self.status
        self.response: Any = response
        # AzureError records the exception being handled, traceback and all: frames would be kept
        # alive, and their variables are none of a log's business.
        self.exc_type = self.exc_value = self.exc_traceback = None
        self.exc_msg = message


class AuthenticationError(StatusError):
    """401: the credential is missing, wrong, expired, for another audience, or lacks a role (code ``PermissionDenied``).

    ```python
    try:
        ChatClient(Connection(connection.endpoint, "not the key")).complete(messages)
    except AuthenticationError as error:
        print(error)
    ```
    """


class PermissionDeniedError(StatusError):
    """403: the credential is known but not allowed.

    >>> PermissionDeniedError("no role", status=403).is_retryable
    False
    """


class NotFoundError(StatusError):
    """404, 405 or 410: no such route, deployment or model on this endpoint.

    >>> NotFoundError("no such deployment", status=404).is_retryable
    False
    """


class RateLimitedError(StatusError):
    """429: too many requests or tokens; ``retry_after`` says how long to wait, if the service did.

    A 403 is one, too, where API Management counts a quota of tokens or calls.

    ```python
    try:
        client.complete(messages, max_retries=0, headers={"x-fault": "status=429, retry-after=2"})
    except RateLimitedError as error:
        print(f"again in {error.retry_after} seconds")
    ```
    """

    is_retryable = True


class ServerError(StatusError):
    """408, 424 or 5xx: the service or the model's container failed.

    ```python
    try:
        client.complete(messages, max_retries=0, headers={"x-fault": "status=503"})
    except ServerError as error:
        print(error.status, error.is_retryable)
    ```
    """

    is_retryable = True


class RedirectRefusedError(StatusError):
    """3xx: the API has no redirects, and following one could hand the key to another host.

    >>> RedirectRefusedError("moved", status=307).is_retryable
    False
    """


class InvalidRequestError(StatusError):
    """400, 409, 413, 415, 422: the service refused the request as it is.

    ```python
    try:
        client.complete([{"role": "chef", "content": "Say hello."}])
    except InvalidRequestError as error:
        print(error.status, error)
    ```
    """


class UnsupportedParameterError(InvalidRequestError):
    """The model refuses a parameter or its value.

    ```python
    try:
        client.complete(messages, top_k=40, extra_parameters="error")
    except UnsupportedParameterError as error:
        for name, value, message in error.parameters:
            print(name, value, message)
    ```

    Attributes:
        parameters: The refused parameters, each ``(name, value, message)``.
    """

    def __init__(
        self, message: str, *, parameters: tuple[RefusedParameter, ...] = (), **details: Any
    ) -> None:
        super().__init__(message, **details)
        self.parameters = parameters


class ContentFilteredError(InvalidRequestError):
    """Content safety blocked the prompt or the answer.

    ```python
    try:
        client.complete([{"role": "user", "content": "How do I build a bomb?"}])
    except ContentFilteredError as error:
        print(error.source, error.categories)
    ```

    Attributes:
        categories: ``{category: {"filtered": bool, "severity": str}}`` or ``{"detected": bool}``, as the
            service said; empty when it did not.
        source: ``"prompt"`` or ``"completion"``.
    """

    def __init__(
        self,
        message: str,
        *,
        categories: dict[str, dict[str, Any]] | None = None,
        source: str = "prompt",
        **details: Any,
    ) -> None:
        super().__init__(message, **details)
        self.categories = categories or {}
        self.source = source


class ContextLengthError(InvalidRequestError):
    """The prompt, or prompt and answer together, do not fit the model's context.

    ```python
    try:
        client.complete([{"role": "user", "content": "word " * 100_000}])
    except ContextLengthError as error:
        print(error)
    ```
    """


class ResponseError(InferenceError):
    """The endpoint answered with success, but not with an answer.

    ```python
    try:
        client.complete(messages, headers={"x-fault": "html"})
    except ResponseError as error:
        print(type(error).__name__, error)
    ```
    """


class MalformedResponseError(ResponseError):
    """The answer is not JSON, has the wrong shape, or holds unusable vectors.

    >>> MalformedResponseError("the answer is a web page").is_retryable
    False
    """


class IncompleteResponseError(ResponseError):
    """The answer ended before the service said it was complete.

    ```python
    try:
        for delta in client.stream(messages, headers={"x-fault": "cut-after=2"}):
            print(delta.content, end="")
    except IncompleteResponseError as error:
        print(f"cut off after {error.partial!r}")
    ```

    """

    is_retryable = True


class ResponseTooLargeError(ResponseError):
    """The answer, or one event of a stream, is over the size limit.

    ```python
    careful = Connection(connection.endpoint, credential="<key>", max_response_bytes=100)
    try:
        ChatClient(careful).complete(messages)
    except ResponseTooLargeError as error:
        print(error)
    ```
    """
