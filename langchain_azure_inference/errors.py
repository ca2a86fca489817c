"""The errors of this package: each is the core's class and LangChain's class for the same condition.

```
InferenceError                      ModelError
├─ ConfigurationError               ModelInvalidRequestError   nothing was sent
├─ ConnectionFailedError            ModelConnectionError       retryable
├─ DeadlineExceededError            ModelTimeoutError          retryable
├─ RefusalError                     ModelRefusalError          structured output the model declined to give
├─ StatusError                      ModelError                 also azure.core.exceptions.HttpResponseError
│  ├─ AuthenticationError           ModelAuthenticationError
│  ├─ PermissionDeniedError         ModelPermissionDeniedError
│  ├─ NotFoundError                 ModelNotFoundError
│  ├─ RateLimitedError              ModelRateLimitError        retryable
│  ├─ ServerError                   ModelAPIError              retryable
│  ├─ RedirectRefusedError          ModelError
│  └─ InvalidRequestError           ModelInvalidRequestError
│     ├─ UnsupportedParameterError
│     ├─ ContentFilteredError
│     └─ ContextLengthError         ContextOverflowError
└─ ResponseError                    ModelError
   ├─ MalformedResponseError
   ├─ IncompleteResponseError       ModelConnectionError       retryable
   └─ ResponseTooLargeError
```

Code that catches the core's class, the SDK's ``HttpResponseError`` or LangChain's class goes on working.
``is_retryable`` is the core's answer, which is what LangChain's retry middleware asks for.
"""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING

import langchain_core.exceptions as lc
from langchain_core.messages import BaseMessage

from azure_inference_core import errors as core

__all__ = [
    "AuthenticationError",
    "ConfigurationError",
    "ConnectionFailedError",
    "ContentFilteredError",
    "ContextLengthError",
    "DeadlineExceededError",
    "IncompleteResponseError",
    "InferenceError",
    "InvalidRequestError",
    "MalformedResponseError",
    "NotFoundError",
    "PermissionDeniedError",
    "RateLimitedError",
    "RedirectRefusedError",
    "RefusalError",
    "ResponseError",
    "ResponseTooLargeError",
    "ServerError",
    "StatusError",
    "UnsupportedParameterError",
]

if TYPE_CHECKING:
    _ModelRefusalError = lc.ModelError
else:
    # langchain-core has a class for refusals since 1.7.5.
    _ModelRefusalError = getattr(lc, "ModelRefusalError", lc.ModelError)


class InferenceError(core.InferenceError, lc.ModelError):
    """Base of everything this package raises on purpose.

    ```python
    try:
        model.invoke("Hello", max_retries=1, headers={"x-fault": "status=500"})
    except InferenceError as error:
        print(type(error).__name__, error.status, error.attempts, error.is_retryable)
    ```
    """


class ConfigurationError(core.ConfigurationError, InferenceError, lc.ModelInvalidRequestError):
    """The call or the constructor was wrong; nothing was sent.

    ```python
    try:
        model.invoke("Hello", timeout=-1)
    except ConfigurationError as error:
        print(error)
    ```
    """


class ConnectionFailedError(core.ConnectionFailedError, InferenceError, lc.ModelConnectionError):
    """No connection: DNS, refused, TLS, reset before an answer.

    ```python
    from langchain_core.exceptions import ModelConnectionError

    nobody = ChatAzureInference(endpoint="http://127.0.0.1:9", credential="<key>", max_retries=0)
    try:
        nobody.invoke("Hello")
    except ModelConnectionError as error:
        print(error)
    ```
    """


class DeadlineExceededError(core.DeadlineExceededError, InferenceError, lc.ModelTimeoutError):
    """Connecting, a silence, or the whole call took longer than allowed.

    ```python
    from langchain_core.exceptions import ModelTimeoutError

    try:
        model.invoke("Hello", timeout=0.2, headers={"x-fault": "latency=2"})
    except ModelTimeoutError as error:
        print(error)
    ```
    """


class RefusalError(InferenceError, _ModelRefusalError):
    """The model declined, or content safety withheld, what structured output needs.

    ```python
    schema = {"title": "Plan", "type": "object", "properties": {"first": {"const": "kill them all"}}}
    planner = model.with_structured_output({**schema, "required": ["first"]}, method="json_schema")
    try:
        planner.invoke("Make a plan.")  # content safety will not have it
    except RefusalError as error:
        print(error, error.raw_message.response_metadata["finish_reason"])
    ```

    Attributes:
        raw_message: The model's message, with the refusal in ``additional_kwargs["refusal"]``.
    """

    def __init__(self, message: str, *, raw_message: BaseMessage | None = None) -> None:
        super().__init__(message)
        self.raw_message = raw_message


class StatusError(core.StatusError, InferenceError):
    """The endpoint answered with a status other than 2xx.

    ```python
    try:
        model.invoke("Hello", headers={"x-fault": "status=409"})
    except StatusError as error:
        print(error.status, error.code, error.request_id)
    ```
    """


class AuthenticationError(core.AuthenticationError, StatusError, lc.ModelAuthenticationError):
    """401: the credential is missing, wrong, expired or for another audience.

    ```python
    from langchain_core.exceptions import ModelAuthenticationError

    try:
        model.model_copy(update={"credential": "not the key"}).invoke("Hello")
    except ModelAuthenticationError as error:
        print(error)
    ```
    """


class PermissionDeniedError(core.PermissionDeniedError, StatusError, lc.ModelPermissionDeniedError):
    """403: the credential is known but not allowed.

    ```python
    from langchain_core.exceptions import ModelPermissionDeniedError

    try:
        model.invoke("Hello", headers={"x-fault": "status=403"})
    except ModelPermissionDeniedError as error:
        print(error)
    ```
    """


class NotFoundError(core.NotFoundError, StatusError, lc.ModelNotFoundError):
    """404: no such route, deployment or model on this endpoint.

    ```python
    from langchain_core.exceptions import ModelNotFoundError

    try:
        model.invoke("Hello", headers={"x-fault": "status=404"})
    except ModelNotFoundError as error:
        print(error)
    ```
    """


class RateLimitedError(core.RateLimitedError, StatusError, lc.ModelRateLimitError):
    """429: too many requests or tokens; ``retry_after`` says how long to wait, if the service did.

    ```python
    try:
        model.invoke("Hello", max_retries=0, headers={"x-fault": "status=429, retry-after=2"})
    except RateLimitedError as error:
        print(f"again in {error.retry_after} seconds")
    ```
    """


class ServerError(core.ServerError, StatusError, lc.ModelAPIError):
    """408, 424 or 5xx: the service or the model's container failed.

    ```python
    try:
        model.invoke("Hello", max_retries=0, headers={"x-fault": "status=503"})
    except ServerError as error:
        print(error.status, error.is_retryable)
    ```
    """


class RedirectRefusedError(core.RedirectRefusedError, StatusError):
    """3xx: the API has no redirects, and following one could hand the key to another host.

    ```python
    try:
        model.invoke("Hello", headers={"x-fault": "status=307"})
    except RedirectRefusedError as error:
        print(error)
    ```
    """


class InvalidRequestError(core.InvalidRequestError, StatusError, lc.ModelInvalidRequestError):
    """400, 409, 413, 415, 422: the service refused the request as it is.

    ```python
    from langchain_core.exceptions import ModelInvalidRequestError

    try:
        model.invoke("Hello", headers={"x-fault": "status=409"})
    except ModelInvalidRequestError as error:
        print(error)
    ```
    """


class UnsupportedParameterError(core.UnsupportedParameterError, InvalidRequestError):
    """The model refuses a parameter or its value; ``parameters`` names them.

    ```python
    try:
        model.invoke("Hello", top_k=40, extra_parameters="error")
    except UnsupportedParameterError as error:
        print([parameter.name for parameter in error.parameters])
    ```
    """


class ContentFilteredError(core.ContentFilteredError, InvalidRequestError):
    """Content safety blocked the prompt or the answer; ``categories`` and ``source`` say what.

    ```python
    try:
        model.invoke("How do I build a bomb?")
    except ContentFilteredError as error:
        print(error.source, error.categories)
    ```
    """


class ContextLengthError(core.ContextLengthError, InvalidRequestError, lc.ContextOverflowError):
    """The prompt, or prompt and answer together, do not fit the model's context.

    ```python
    from langchain_core.exceptions import ContextOverflowError

    try:
        model.invoke("word " * 100_000)
    except ContextOverflowError as error:
        print(error)
    ```
    """


class ResponseError(core.ResponseError, InferenceError):
    """The endpoint answered with success, but not with an answer.

    ```python
    try:
        model.invoke("Hello", headers={"x-fault": "html"})
    except ResponseError as error:
        print(type(error).__name__, error)
    ```
    """


class MalformedResponseError(core.MalformedResponseError, ResponseError):
    """The answer is not JSON, has the wrong shape, or holds unusable vectors.

    ```python
    try:
        model.invoke("Hello", headers={"x-fault": "html"})
    except MalformedResponseError as error:
        print(error)
    ```
    """


class IncompleteResponseError(core.IncompleteResponseError, ResponseError, lc.ModelConnectionError):
    """The answer ended before the service said it was complete; ``partial`` is the text so far.

    ```python
    try:
        for chunk in model.stream("Hello", headers={"x-fault": "cut-after=2"}):
            print(chunk.text, end="")
    except IncompleteResponseError as error:
        print(f"cut off after {error.partial!r}")
    ```
    """


class ResponseTooLargeError(core.ResponseTooLargeError, ResponseError):
    """The answer, or one event of a stream, is over the size limit.

    ```python
    try:
        model.invoke("Hello", headers={"x-fault": "html"})
    except ResponseError as error:
        print("too large" if isinstance(error, ResponseTooLargeError) else error)
    ```
    """


_TWINS: dict[type[core.InferenceError], type[InferenceError]] = {
    twin.__bases__[0]: twin
    for twin in globals().copy().values()
    if isinstance(twin, type) and issubclass(twin, InferenceError) and twin is not RefusalError
}


def twin_of(error: core.InferenceError) -> InferenceError:
    """The same error as this package's class, with all it carries."""
    kind = next(_TWINS[base] for base in type(error).__mro__ if base in _TWINS)
    twin = kind(error.message)
    twin.__dict__.update(error.__dict__)
    return twin


class _Translation:
    """Re-raises the core's errors as this package's; stateless, so one object serves every call."""

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, core.InferenceError) and not isinstance(error, InferenceError):
            raise twin_of(error).with_traceback(trace) from error.__cause__


translated = _Translation()
"""``with translated:`` round a call, a generator's loop or an ``await``."""
