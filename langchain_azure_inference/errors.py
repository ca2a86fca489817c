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

from contextlib import AbstractContextManager
from types import TracebackType
from typing import TYPE_CHECKING, Any

import langchain_core.exceptions as lc
from langchain_core.messages import BaseMessage

from azure_inference_core import errors as core
from azure_inference_core.errors import ErrorResponse, RefusedParameter  # noqa: F401 - what errors hold

__all__ = ["RefusalError"]
__all__ += core.__all__

_TWINS: dict[type[Exception], type[InferenceError]] = {}
"""This package's classes by the core's."""

if TYPE_CHECKING:
    _ModelRefusalError = lc.ModelError
else:
    # langchain-core has a class for refusals since 1.7.5.
    _ModelRefusalError = getattr(lc, "ModelRefusalError", lc.ModelError)


class InferenceError(core.InferenceError, lc.ModelError):
    """Base of everything this package raises on purpose."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        _TWINS.setdefault(cls.__bases__[0], cls)


class ConfigurationError(core.ConfigurationError, InferenceError, lc.ModelInvalidRequestError):
    """The call or the constructor was wrong; nothing was sent."""


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
    """Connecting, a silence, or the whole call took longer than allowed."""


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
    """The endpoint answered with a status other than 2xx."""


class AuthenticationError(core.AuthenticationError, StatusError, lc.ModelAuthenticationError):
    """401: the credential is missing, wrong, expired, for another audience, or lacks a role.

    ```python
    from langchain_core.exceptions import ModelAuthenticationError

    try:
        model.model_copy(update={"credential": "not the key"}).invoke("Hello")
    except ModelAuthenticationError as error:
        print(error)
    ```
    """


class PermissionDeniedError(core.PermissionDeniedError, StatusError, lc.ModelPermissionDeniedError):
    """403: the credential is known but not allowed."""


class NotFoundError(core.NotFoundError, StatusError, lc.ModelNotFoundError):
    """404: no such route, deployment or model on this endpoint."""


class RateLimitedError(core.RateLimitedError, StatusError, lc.ModelRateLimitError):
    """429, and 403 for a gateway's quota: too many requests or tokens; ``retry_after`` says how long to wait, if told."""


class ServerError(core.ServerError, StatusError, lc.ModelAPIError):
    """408, 424 or 5xx: the service or the model's container failed."""


class RedirectRefusedError(core.RedirectRefusedError, StatusError):
    """3xx: the API has no redirects, and following one could hand the key to another host."""


class InvalidRequestError(core.InvalidRequestError, StatusError, lc.ModelInvalidRequestError):
    """400, 409, 413, 415, 422: the service refused the request as it is."""


class UnsupportedParameterError(core.UnsupportedParameterError, InvalidRequestError):
    """The model refuses a parameter or its value; ``parameters`` names them."""


class ContentFilteredError(core.ContentFilteredError, InvalidRequestError):
    """Content safety blocked the prompt or the answer; ``categories`` and ``source`` say what."""


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
    """The endpoint answered with success, but not with an answer."""


class MalformedResponseError(core.MalformedResponseError, ResponseError):
    """The answer is not JSON, has the wrong shape, or holds unusable vectors."""


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
    """The answer, or one event of a stream, is over the size limit."""


def twin_of(error: core.InferenceError) -> InferenceError:
    """The same error as this package's class, with all it carries."""
    kind = next((_TWINS[base] for base in type(error).__mro__ if base in _TWINS), InferenceError)
    twin = kind(error.message)
    twin.__dict__.update(error.__dict__)
    return twin


class _Translation(AbstractContextManager[None]):
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
