"""What the three public classes share: the fields of an endpoint, their client, copies and pickles.

A setting is a field, so that ``to_dict`` and the ingestion pipeline's cache key see it; a secret is in no text or
pickle; a client is made of the fields, so that changing a field changes the next call.
"""

from __future__ import annotations

import logging
import pickle
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

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
from typing_extensions import Self

from azure_inference_core import Timeouts
from azure_inference_core._client.component import Component
from azure_inference_core._credentials import is_token_credential
from azure_inference_core._request.keywords import describe, read_constructor
from azure_inference_core._request.secrets import Secret, hidden, hidden_headers, is_secret_name
from azure_inference_core.errors import ConfigurationError

_logger = logging.getLogger(__name__)
_SHARED_BY_COPIES = ("credential", "policies", "rate_limiter", "callback_manager", "embeddings_cache")


def _hidden(value: Any) -> Any:
    return SecretStr(value) if isinstance(value, str) else value


_HIDDEN = {"credential": _hidden, "default_headers": hidden_headers}
"""How the fields that hold secrets are kept."""


class Endpoint(BaseComponent, Component):
    """An endpoint with its credential, as a LlamaIndex component.

    Fields without a word here are those of :class:`azure_inference_core.Connection`, whose defaults ``None`` stands
    for. Every keyword that is not a field goes to the model, merged into ``model_extras``.

    Attributes:
        credential: A key (``str``, ``SecretStr``, ``AzureKeyCredential``) or a sync or async token credential; never
            serialised.
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

    def __init__(self, endpoint: str | None = None, credential: Any = None, **settings: Any) -> None:
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

    @property
    def model_kwargs(self) -> dict[str, Any]:
        """The ``model_extras``, by the retired integration's name for them: ``llm.model_kwargs``."""
        return self.model_extras

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, _HIDDEN[name](value) if name in _HIDDEN else value)

    # -- copies --

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """Copy, with other values for some fields: ``llm.model_copy(update={"timeout": 1200})``."""
        read = {
            name: _HIDDEN[name](value) if name in _HIDDEN else value for name, value in (update or {}).items()
        }
        return super().model_copy(update=read, deep=deep)

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


def _pickles(value: Any) -> bool:
    try:
        pickle.dumps(value)
    except Exception:  # noqa: BLE001 - whatever a user's object raises, it does not pickle
        return False
    return True
