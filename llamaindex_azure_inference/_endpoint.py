"""What the three public classes share: the fields of an endpoint, their client, copies and pickles.

A setting is a field, so that ``to_dict`` and the ingestion pipeline's cache key see it; a secret is in no text or
pickle; a client is made of the fields, so that changing a field changes the next call.
"""

from __future__ import annotations

import functools
import inspect
import logging
import pickle
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

from llama_index.core.schema import BaseComponent
from pydantic import (
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    SecretStr,
    ValidationError,
    field_serializer,
    field_validator,
)

from azure_inference_core import Timeouts
from azure_inference_core._client.component import Component
from azure_inference_core._credentials.auth import is_token_credential
from azure_inference_core._credentials.masked import masked
from azure_inference_core._request.keywords import describe, guarded, read_constructor
from azure_inference_core._request.secrets import Secret, hidden, hidden_headers, is_secret_name
from azure_inference_core.errors import ConfigurationError

_logger = logging.getLogger(__name__)
_CALLS = (
    *(
        f"{prefix}{name}"
        for prefix in ("", "a", "stream_", "astream_")
        for name in ("chat", "complete", "chat_with_tools", "predict_and_call", "structured_predict")
    ),
    *(
        f"{prefix}get_{name}"
        for prefix in ("", "a")
        for name in ("query_embedding", "text_embedding", "text_embedding_batch")
    ),
)
"""The methods whose keywords are a call's."""

_GUARDS = "_guards"
_OF_CALLS = "llm_kwargs"
"""Where the structured calls have the keywords of a call; their own are variables of the prompt."""

_SHARED_BY_COPIES = ("credential", "policies", "rate_limiter", "callback_manager", "embeddings_cache")


def _hidden(value: Any) -> Any:
    return SecretStr(value) if isinstance(value, str) else masked(value)


_HIDDEN = {"credential": _hidden, "default_headers": hidden_headers}
"""How the fields that hold secrets are kept."""


class Endpoint(BaseComponent, Component):
    """An endpoint with its credential, as a LlamaIndex component.

    Fields without a word here are those of :class:`azure_inference_core.Connection`, whose defaults ``None`` stands
    for. Every keyword that is not a field goes to the model, merged into ``model_extras``.

    Attributes:
        credential: A key (``str``, ``SecretStr``, ``AzureKeyCredential``), a sync or async token credential or a callable
            that gives a token; never serialised.
        credential_kind: What was given. Set by the class; it tells an object made of a dict that its key has to come
            from the environment, and that no token credential stands in for it.
        default_headers: Headers of every request. Those named like a secret are left out of ``to_dict`` and JSON, which
            have a hash in the place of the other values, or the value itself if it is shorter than eight characters. An
            object made of one sends what it has. ``multiprocessing``'s own pipes carry all of them.
        model_extras: Parameters of the model beyond the common ones, sent with every call.
        extra_parameters: What the endpoint shall do with parameters it does not know; ``None``: pass them on.
    """

    model_config = ConfigDict(
        arbitrary_types_allowed=True, protected_namespaces=("pydantic_model_",), hide_input_in_errors=True
    )

    endpoint: str | None = None
    credential: Annotated[Any, BeforeValidator(_hidden)] = Field(default=None, exclude=True, repr=False)
    credential_kind: Literal["key", "token"] | None = Field(default=None, repr=False)
    family: str | None = None
    api_version: str | None = None
    timeout: Timeouts | float | None = None
    max_retries: int | None = None
    default_headers: dict[str, Annotated[Any, BeforeValidator(hidden)]] | None = Field(
        default=None, repr=False
    )
    credential_scopes: list[str] | None = None
    ca_bundle: str | None = None
    dialect: str | None = None
    allow_insecure: bool = False
    trust_env: bool = False
    max_connections: int | None = None
    max_response_bytes: int | None = None
    max_event_bytes: int | None = None
    max_request_bytes: int | None = None
    user_agent: str | None = None
    policies: list[Any] | None = Field(default=None, exclude=True, repr=False)
    model_extras: dict[str, Any] = Field(default_factory=dict)
    extra_parameters: Literal["pass-through", "drop", "error"] | None = None

    _held: Any = PrivateAttr(default=None)
    _agent: ClassVar[str] = "llamaindex"

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        for name in _CALLS:
            method = getattr(cls, name, None)
            if method and not getattr(method, "__isabstractmethod__", False) and not hasattr(method, _GUARDS):
                setattr(cls, name, _guarding(method))  # outside of LlamaIndex's observers

    def __init__(self, endpoint: str | None = None, credential: Any = None, **settings: Any) -> None:
        if isinstance(endpoint, str) and endpoint and "://" not in endpoint:
            raise ConfigurationError(
                "the endpoint, which is the first argument, must begin with https://; a model is given as model="
            )
        settings.pop("class_name", None)  # of a serialised object
        given = {"endpoint": endpoint, "credential": credential, **settings}
        try:
            super().__init__(**read_constructor(given, type(self).model_fields))
        except ValidationError as error:
            problems = error.errors(include_url=False, include_input=False, include_context=False)
            raise ConfigurationError(describe(problems)) from None
        if self.credential is not None:
            self.credential_kind = "token" if is_token_credential(self.credential) else "key"
        elif self.credential_kind == "key":
            self.credential = Secret()
        self._open()

    @field_validator("timeout", mode="before")
    @classmethod
    def _read_timeouts(cls, value: Any) -> Any:
        return Timeouts.of(value) if isinstance(value, Mapping) else value

    @field_serializer("default_headers")
    def _without_secrets(self, headers: dict[str, Secret] | None) -> dict[str, str] | None:
        if headers is None:
            return None
        return {name: value.mark for name, value in headers.items() if not is_secret_name(name)}

    if not TYPE_CHECKING:  # it would allow every name

        def __getattr__(self, name: str) -> Any:
            return self._by_word(name, super().__getattr__)

    def __setattr__(self, name: str, value: Any) -> None:
        if self._is_word(name):
            self._set_word(name, value)
            return
        super().__setattr__(name, _HIDDEN[name](value) if name in _HIDDEN else value)

    # -- copies --

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """Copy, with other values for some fields, by any of the constructor's words.

        ```python
        patient = llm.model_copy(update={"timeout": 1200, "model_kwargs": {"top_k": 5}})
        ```

        Raises:
            ConfigurationError: A value cannot be used.
        """
        meant = self._meant(update or {})
        meant.update({name: hide(meant[name]) for name, hide in _HIDDEN.items() if name in meant})
        copied = super().model_copy(update=meant, deep=deep)
        copied._current()  # noqa: SLF001 - of the same class
        return copied

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        # Credentials, limiters, caches and observers hold locks and sessions, and mean one thing together.
        shared = [self.__dict__[name] for name in _SHARED_BY_COPIES if name in self.__dict__]
        return super().__deepcopy__({**(memo or {}), **{id(item): item for item in shared}})

    def __getstate__(self) -> dict[Any, Any]:
        # Not BaseComponent's: that one deletes what does not pickle from the living object.
        state = self._kept_state(super(BaseComponent, self).__getstate__())
        values = state["__dict__"]
        for name in [name for name, value in values.items() if not _pickles(value)]:
            _logger.warning("%s: %s does not pickle and is left behind", type(self).__name__, name)
            del values[name]
        return state

    def __setstate__(self, state: dict[Any, Any]) -> None:
        found = self._found_state(state)
        super(BaseComponent, self).__setstate__(found)
        self._hold(found["__pydantic_private__"]["_held"][1])


def _guarding(method: Callable[..., Any]) -> Callable[..., Any]:
    """A call whose keywords are checked, and whose headers are hidden, before anybody observes them."""
    own = [*inspect.signature(method).parameters][1:]
    place = own.index(_OF_CALLS) if _OF_CALLS in own else len(own)
    bound: Callable[..., Any] = (
        method.__get__
    )  # LlamaIndex's wrapper of an unbound method costs 0.1 ms a call

    def checked(args: tuple[Any, ...], given: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        if len(args) > place and args[place]:
            args = (*args[:place], guarded(args[place]), *args[place + 1 :])
        if not given:
            return args, given
        plain = {name: given.pop(name) for name in own if name in given}
        if plain.get(_OF_CALLS):
            plain[_OF_CALLS] = guarded(plain[_OF_CALLS])
        return args, {**plain, **(guarded(given) if place == len(own) else given)}

    @functools.wraps(method)
    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        args, kwargs = checked(args, kwargs)
        return bound(self)(*args, **kwargs)

    @functools.wraps(method)
    async def acall(self: Any, *args: Any, **kwargs: Any) -> Any:
        args, kwargs = checked(args, kwargs)
        return await bound(self)(*args, **kwargs)

    guard = acall if inspect.iscoroutinefunction(method) else call
    setattr(guard, _GUARDS, True)
    return guard


def _pickles(value: Any) -> bool:
    try:
        pickle.dumps(value)
    except Exception:  # noqa: BLE001 - whatever a user's object raises, it does not pickle
        return False
    return True
