"""What the three classes share: the fields of a connection, its life cycle, and where keywords go."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from types import TracebackType
from typing import Annotated, Any, ClassVar, Literal, Protocol

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    InstanceOf,
    SecretStr,
    ValidationError,
    model_validator,
)
from pydantic_core import PydanticCustomError
from typing_extensions import Self

from azure_inference_core import Connection, ModelInfo, Timeouts
from langchain_azure_inference._keywords import describe, sort_keywords
from langchain_azure_inference._retired import honour_retired, to_timeouts
from langchain_azure_inference._version import __version__
from langchain_azure_inference.errors import ConfigurationError, translated

__all__ = ["Connected", "Integer", "Number"]

CREDENTIAL_VARIABLE = "AZURE_INFERENCE_CREDENTIAL"


def _refuse_bool(value: Any) -> Any:
    if isinstance(value, bool):
        raise PydanticCustomError("number", "a number is needed, not a bool")
    return value


Number = Annotated[float, BeforeValidator(_refuse_bool)]
Integer = Annotated[int, BeforeValidator(_refuse_bool)]


class _Client(Protocol):
    """What every client of the core has."""

    def info(self) -> ModelInfo: ...
    async def ainfo(self) -> ModelInfo: ...
    def close(self) -> None: ...
    async def aclose(self) -> None: ...


class Connected(BaseModel):
    """Fields and behaviour that chat, completions and embeddings have in common.

    Attributes:
        endpoint: The endpoint's URL (alias ``base_url``); its host and path decide the dialect. From
            ``AZURE_INFERENCE_ENDPOINT`` when not given.
        credential: A key, ``SecretStr``, ``AzureKeyCredential``, or a sync or async token credential (alias
            ``api_key``). From ``AZURE_INFERENCE_CREDENTIAL``; then ``DefaultAzureCredential``.
        model: The model or deployment (alias ``model_name``). From ``AZURE_INFERENCE_MODEL``.
        api_version: The ``api-version`` to send; the dialect's when not given.
        model_extras: Parameters beyond the API's common ones, for every call (alias ``model_kwargs``). Any
            keyword this class does not know is put here.
        extra_parameters: What the endpoint does with extras it does not know: ``"pass-through"`` to the
            model (the default), ``"drop"`` or ``"error"``.
        timeout: Seconds for a call with its retries, or ``Timeouts`` (or a dict of its fields). Default
            600 in total, 5 to connect, 300 for the first byte, 60 of silence.
        max_retries: How often a failed request is sent again.
        default_headers: Headers for every request; never shown or dumped, but kept in pickles.
        credential_scopes: Entra ID scopes; the host's when not given.
        ca_bundle: Path of a PEM file with the authorities to trust.
        dialect: ``"serverless"``, ``"foundry"``, ``"azure-openai"`` or ``"openai-v1"`` where the URL does
            not show it.
        allow_insecure: Allow plain http to another machine.
        trust_env: Honour the environment's proxy and CA variables.
        user_agent: Put before this package's own user agent.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True, hide_input_in_errors=True)

    endpoint: str | None = None
    credential: Any = Field(default=None, exclude=True, repr=False)
    model: str | None = None
    api_version: str | None = None
    model_extras: dict[str, Any] = Field(default_factory=dict)
    extra_parameters: Literal["pass-through", "drop", "error"] | None = None
    timeout: InstanceOf[Timeouts] | dict[str, float] | Number | None = None
    max_retries: Integer | None = None
    default_headers: dict[str, SecretStr] | None = Field(default=None, exclude=True, repr=False)
    credential_scopes: list[str] | None = None
    ca_bundle: str | None = None
    dialect: str | None = None
    allow_insecure: bool = False
    trust_env: bool = False
    user_agent: str | None = None

    _aliases: ClassVar[Mapping[str, str]] = {
        "api_key": "credential",
        "base_url": "endpoint",
        "model_name": "model",
    }
    _client_fields: ClassVar[frozenset[str]] = frozenset(
        (
            "endpoint",
            "credential",
            "model",
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
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        try:
            super().__init__(*args, **kwargs)
        except ValidationError as error:
            # pydantic's own text can quote the input, and the input can be a key.
            raise ConfigurationError(describe(error)) from None

    @model_validator(mode="before")
    @classmethod
    def _sort_azure_inference_keywords(cls, values: Any) -> Any:
        return cls._sorted_keywords(honour_retired(values)) if isinstance(values, dict) else values

    @classmethod
    def _sorted_keywords(cls, values: dict[str, Any]) -> dict[str, Any]:
        return sort_keywords(values, cls, cls._aliases)

    @model_validator(mode="after")
    def _open_azure_inference_client(self) -> Self:
        self._open()
        return self

    def _open(self) -> None:
        limit = {} if self.max_retries is None else {"max_retries": self.max_retries}
        own_agent = f"langchain-azure-inference/{__version__}"
        connection = Connection(
            self.endpoint,
            self.credential,
            model=self.model,
            api_version=self.api_version,
            timeout=to_timeouts(self.timeout),
            default_headers=self._plain_headers(),
            credential_scopes=self.credential_scopes,
            ca_bundle=self.ca_bundle,
            dialect=self.dialect,
            allow_insecure=self.allow_insecure,
            trust_env=self.trust_env,
            user_agent=f"{self.user_agent} {own_agent}" if self.user_agent else own_agent,
            **limit,
        )
        self._use(connection)
        # What came from the environment belongs to what identifies this model.
        self.__dict__["endpoint"] = connection.endpoint
        self.__dict__["model"] = connection.model

    def _use(self, connection: Connection) -> None:
        raise NotImplementedError

    @property
    def _core_client(self) -> _Client:
        raise NotImplementedError

    @property
    def model_name(self) -> str | None:
        """Another word for ``model``."""
        return self.model

    @model_name.setter
    def model_name(self, name: str | None) -> None:
        """Another word for ``model``."""
        self.model = name

    @property
    def lc_secrets(self) -> dict[str, str]:
        """Where a serialised model finds its key again."""
        return {} if self.credential is None else {"credential": CREDENTIAL_VARIABLE}

    @property
    def lc_attributes(self) -> dict[str, Any]:
        """What a serialised model holds in a form of its own."""
        return {"timeout": asdict(self.timeout)} if isinstance(self.timeout, Timeouts) else {}

    def _defaults(self, names: Sequence[str]) -> dict[str, Any]:
        """The constructor's parameters for one call, as they are now."""
        fields = self.__dict__
        return {name: value for name in names if (value := fields[name]) is not None}

    def _plain_headers(self) -> dict[str, str]:
        headers = self.default_headers or {}
        # An assigned value has not been through validation.
        return {k: v.get_secret_value() if isinstance(v, SecretStr) else v for k, v in headers.items()}

    def _headers_mark(self) -> dict[str, str]:
        """What tells two sets of headers apart in a cache key without showing them."""
        if not self.default_headers:
            return {}
        text = repr(sorted(self._plain_headers().items()))
        return {"default_headers": f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"}

    def model_info(self) -> ModelInfo:
        """Ask the endpoint's ``/info`` route, once.

        ```python
        print(model.model_info().model_name)
        print((await model.amodel_info()).model_name)
        ```

        Raises:
            ConfigurationError: The endpoint's dialect has no such route.
            InferenceError: It could not be asked.
        """
        with translated:
            return self._core_client.info()

    async def amodel_info(self) -> ModelInfo:
        """Ask the endpoint's ``/info`` route, once.

        Raises:
            ConfigurationError: The endpoint's dialect has no such route.
            InferenceError: It could not be asked.
        """
        with translated:
            return await self._core_client.ainfo()

    def close(self) -> None:
        """Close open connections; a later call opens new ones. A ``with`` block does it at its end.

        ```python
        model.close()
        await model.aclose()  # those of async calls, too
        ```
        """
        self._core_client.close()

    async def aclose(self) -> None:
        """As ``close``, with the connections that async calls opened; so does ``async with``."""
        await self._core_client.aclose()

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

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in type(self).model_fields:
            super().__setattr__(name, value)
            return
        if name == "credential" and isinstance(value, str):
            value = SecretStr(value)
        before = self.__dict__.get(name)
        super().__setattr__(name, value)
        # LangChain computes this once, and uses it as the key of caches.
        self.__dict__.pop("_serialized", None)
        if name in self._client_fields and self._is_open():
            try:
                with translated:
                    self._open()
            except ConfigurationError:
                super().__setattr__(name, before)
                raise

    def _is_open(self) -> bool:
        return bool(self.__pydantic_private__) and "_client" in (self.__pydantic_private__ or {})

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """Copy, with other values for some fields.

        ```python
        patient = model.model_copy(update={"timeout": 1200})
        ```
        """
        values = {self._aliases.get(name, name): value for name, value in (update or {}).items()}
        if isinstance(values.get("credential"), str):
            values["credential"] = SecretStr(values["credential"])
        copied = super().model_copy(update=values, deep=deep)
        copied.__dict__.pop("_serialized", None)
        if self._client_fields & values.keys():
            with translated:
                copied._open()  # noqa: SLF001 - of the same class
        return copied

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        # Credentials hold locks and sessions: copies share them.
        memo = {} if memo is None else memo
        memo[id(self.credential)] = self.credential
        return super().__deepcopy__(memo)

    def __getstate__(self) -> dict[Any, Any]:
        state = super().__getstate__()
        fields = {name: value for name, value in state["__dict__"].items() if name != "_serialized"}
        return {**state, "__dict__": {**fields, "credential": None}}
