"""What the three public classes share: the fields of an endpoint, reading of keywords, the client, and copies.

A setting is a field, so that ``to_dict`` and the ingestion pipeline's cache key see it; a secret is not in any text or
pickle; a client is made of the fields, so that changing a field changes the next call.
"""

from __future__ import annotations

import logging
import pickle
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from operator import itemgetter
from types import TracebackType
from typing import Any, ClassVar, Literal, TypeVar
from warnings import warn

from llama_index.core.schema import BaseComponent
from pydantic import ConfigDict, Field, PrivateAttr, SecretStr, field_serializer, field_validator
from typing_extensions import Self

from azure_inference_core import (
    ChatClient,
    CompletionsClient,
    Connection,
    EmbeddingsClient,
    ModelInfo,
    Timeouts,
)
from azure_inference_core.errors import ConfigurationError
from llamaindex_azure_inference._retired import read_client_kwargs

__all__ = ["EndpointComponent"]

_logger = logging.getLogger(__name__)
_Client = ChatClient | CompletionsClient | EmbeddingsClient
ClientT = TypeVar("ClientT", ChatClient, CompletionsClient, EmbeddingsClient)

_ALIASES = {
    "api_key": "credential",
    "base_url": "endpoint",
    "api_base": "endpoint",
    "model_kwargs": "model_extras",
}
_NOT_SETTINGS = ("client_kwargs", "class_name")
_CORE_WARNS = frozenset(
    (
        *("temperature", "top_p", "max_tokens", "stop", "seed", "frequency_penalty", "presence_penalty"),
        *("response_format", "dimensions", "encoding_format", "model_extras", "extra_parameters"),
        *("timeout", "max_retries", "stream_usage"),
    )
)
_SECRET_WORDS = ("auth", "key", "token", "secret", "cookie", "password", "signature")
_SHARED_BY_COPIES = ("credential", "rate_limiter", "callback_manager", "embeddings_cache")
_CONNECTION_FIELDS = (
    "endpoint",
    "credential",
    "api_version",
    "timeout",
    "max_retries",
    "default_headers",
    "credential_scopes",
    "ca_bundle",
    "dialect",
    "allow_insecure",
    "trust_env",
    "user_agent",
)


_connection_values: Callable[[dict[str, Any]], tuple[Any, ...]] = itemgetter(*_CONNECTION_FIELDS)


class EndpointComponent(BaseComponent):
    """An endpoint with its credential, as a LlamaIndex component.

    Every keyword that is not a field goes to the model, merged into ``model_extras``.
    """

    model_config = ConfigDict(
        arbitrary_types_allowed=True, protected_namespaces=("pydantic_model_",), hide_input_in_errors=True
    )

    endpoint: str | None = Field(
        default=None,
        description="The endpoint's URL; its form decides the dialect. From AZURE_INFERENCE_ENDPOINT if not given.",
    )
    credential: Any = Field(
        default=None,
        exclude=True,
        repr=False,
        description="A key (str, SecretStr, AzureKeyCredential) or a sync or async token credential. From "
        "AZURE_INFERENCE_CREDENTIAL if not given, then DefaultAzureCredential. Never serialised.",
    )
    credential_kind: Literal["key", "token"] | None = Field(
        default=None,
        repr=False,
        description="What kind of credential was given. Set by the class; it tells an object made of a dict that its "
        "key has to come from the environment, and that no token credential stands in for it.",
    )
    api_version: str | None = Field(
        default=None, description="The api-version to send; the dialect's own if None."
    )
    timeout: float | Timeouts | None = Field(
        default=Timeouts(), description="Seconds in total, or Timeouts(total, connect, first_byte, idle)."
    )
    max_retries: int = Field(default=2, description="How often a failed request is sent again, at most.")
    default_headers: dict[str, str] | None = Field(
        default=None,
        repr=False,
        description="Headers of every request. Those named like a secret are left out of to_dict and JSON.",
    )
    credential_scopes: list[str] | None = Field(
        default=None, description="Entra ID scopes; those the endpoint's host needs if None."
    )
    ca_bundle: str | None = Field(
        default=None, description="Path of a PEM file with the certificate authorities to trust."
    )
    dialect: str | None = Field(
        default=None,
        description="serverless, foundry, azure-openai or openai-v1, where the URL does not show it.",
    )
    allow_insecure: bool = Field(default=False, description="Allow plain http to another machine.")
    trust_env: bool = Field(default=False, description="Honour the environment's proxy and CA variables.")
    user_agent: str = Field(default="llamaindex", description="Put before this package's own user agent.")
    model_extras: dict[str, Any] = Field(
        default_factory=dict,
        description="Parameters of the model beyond the common ones, sent with every call.",
    )
    extra_parameters: Literal["pass-through", "drop", "error"] | None = Field(
        default=None,
        description="What the endpoint shall do with parameters it does not know; pass-through if None.",
    )

    _client: _Client | None = PrivateAttr(default=None)
    _client_settings: tuple[Any, ...] | None = PrivateAttr(default=None)
    _none_is_meant: ClassVar[frozenset[str]] = frozenset({"timeout"})
    _model_field: ClassVar[str] = "model"

    def __init__(self, endpoint: str | None = None, credential: Any = None, **settings: Any) -> None:
        given = {"endpoint": endpoint, "credential": credential}
        settings = {**settings, **{name: value for name, value in given.items() if value is not None}}
        super().__init__(**self._read_settings(settings))
        if self.credential is not None:
            self.credential_kind = "token" if hasattr(self.credential, "get_token") else "key"
        connection = self._connect()
        self.endpoint = connection.endpoint
        self._client = self._make_client(connection)
        self._client_settings = self._settings()

    # -- reading keywords --

    @classmethod
    def _read_settings(cls, settings: Mapping[str, Any]) -> dict[str, Any]:
        """Keywords as fields: aliases followed, the retired classes' understood, the rest made extras."""
        found: dict[str, Any] = {}
        extras: dict[str, Any] = {}
        settings = {**read_client_kwargs(settings.get("client_kwargs")), **settings}
        other_model = "model" if cls._model_field == "model_name" else "model_name"
        for name, value in settings.items():
            target = cls._model_field if name == other_model else _ALIASES.get(name, name)
            if name in _NOT_SETTINGS or (value is None and target not in cls._none_is_meant):
                continue
            if target == "model_extras":
                extras.update(_mapping(name, value))
            elif target not in cls.model_fields:
                extras[name] = value
            elif target in found and found[target] != value:
                raise ConfigurationError(f"{target} is given twice, as {name} too, with two values; keep one")
            else:
                found[target] = value
        _warn_of_slips(extras, cls)
        return {**found, "model_extras": extras}

    @field_validator("credential", mode="before")
    @classmethod
    def _hide_key(cls, value: Any) -> Any:
        return SecretStr(value) if isinstance(value, str) else value

    @field_serializer("default_headers")
    def _without_secrets(self, headers: dict[str, str] | None) -> dict[str, str] | None:
        return headers and {
            name: value
            for name, value in headers.items()
            if not any(word in name.lower() for word in _SECRET_WORDS)
        }

    # -- the client --

    def _settings(self) -> tuple[Any, ...]:
        return _connection_values(self.__dict__)

    def _connect(self) -> Connection:
        values: dict[str, Any] = {name: getattr(self, name) for name in _CONNECTION_FIELDS}
        model = getattr(self, self._model_field)
        values["model"] = None if model == "unknown" else model
        if self.credential is None and self.credential_kind == "key":
            connection = Connection(**{**values, "credential": "left behind"}).without_key()
        else:
            connection = Connection(**values)
        if connection.model:
            setattr(self, self._model_field, connection.model)
        return connection

    def _make_client(self, connection: Connection) -> _Client:
        raise NotImplementedError

    def _client_as(self, kind: type[ClientT]) -> ClientT:
        """The client for the fields as they are now."""
        # This runs in every call; pydantic's own access to private attributes takes several times as long.
        private = self.__pydantic_private__ or {}
        client, settings = private["_client"], self._settings()
        if client is None or settings != private["_client_settings"]:
            client = self._make_client(self._connect())
            self._client, self._client_settings = client, settings
        if not isinstance(client, kind):
            raise TypeError(f"{type(self).__name__} has no {kind.__name__}")
        return client

    def _any_client(self) -> _Client:
        raise NotImplementedError

    # -- public --

    def model_info(self) -> ModelInfo:
        """Ask the endpoint which model it serves (``/info``; asked once, then remembered).

        ```python
        print(llm.model_info().model_name)
        print((await llm.amodel_info()).model_name)
        ```

        Raises:
            ConfigurationError: This kind of endpoint has no such route.
            InferenceError: The request failed.
        """
        return self._any_client().info()

    async def amodel_info(self) -> ModelInfo:
        """Like :meth:`model_info`."""
        return await self._any_client().ainfo()

    def close(self) -> None:
        """Close the connections; the object can be used again, which opens new ones. So does the end of ``with``.

        ```python
        llm.close()
        await llm.aclose()  # those of async calls, too
        ```
        """
        self._any_client().close()

    async def aclose(self) -> None:
        """Close the connections, those of this event loop included; so does the end of ``async with``."""
        await self._any_client().aclose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    # -- copies --

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        # Credentials, limiters, caches and observers hold locks and sessions, and mean one thing together.
        shared = [self.__dict__[name] for name in _SHARED_BY_COPIES if name in self.__dict__]
        return super().__deepcopy__({**(memo or {}), **{id(item): item for item in shared}})

    def __getstate__(self) -> dict[Any, Any]:
        # Not BaseComponent's: that one deletes what does not pickle from the living object.
        state: dict[Any, Any] = super(BaseComponent, self).__getstate__()
        values = {name: value for name, value in state["__dict__"].items() if name != "credential"}
        for name in [name for name, value in values.items() if not _pickles(value)]:
            _logger.warning("%s: %s does not pickle and is left behind", type(self).__name__, name)
            del values[name]
        return {
            **state,
            "__dict__": values,
            "__pydantic_private__": {**state["__pydantic_private__"], "_client_settings": None},
        }

    def __setstate__(self, state: dict[Any, Any]) -> None:
        fields = type(self).model_fields.items()
        defaults = {name: field.get_default(call_default_factory=True) for name, field in fields}
        super(BaseComponent, self).__setstate__({**state, "__dict__": {**defaults, **state["__dict__"]}})
        # The client came along, without its key: it looks for one in this process's environment.
        self._client_settings = self._settings()


def _mapping(name: str, value: Any) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise ConfigurationError(f"{name} must be a mapping of names to values, not a {type(value).__name__}")
    return value


def _pickles(value: Any) -> bool:
    try:
        pickle.dumps(value)
    except Exception:  # noqa: BLE001 - whatever a user's object raises, it does not pickle
        return False
    return True


def _warn_of_slips(extras: Mapping[str, Any], cls: type[EndpointComponent]) -> None:
    """Warn of keywords that look like a field of this class; the core warns of those it knows itself."""
    own = sorted(set(cls.model_fields) - _CORE_WARNS)
    for name in extras:
        if near := get_close_matches(name, own, n=1, cutoff=0.9):
            warn(
                f"{name!r} is not a parameter of {cls.__name__} and goes to the model as an extra; "
                f"did you mean {near[0]!r}?",
                UserWarning,
                stacklevel=4,
            )
