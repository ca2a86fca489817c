"""What the three classes share: the fields of a connection, the reading of keywords, copies and pickles."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import asdict
from functools import cached_property
from importlib.metadata import version
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    InstanceOf,
    PrivateAttr,
    SecretStr,
    ValidationError,
)

from azure_inference_core import Timeouts
from azure_inference_core._client.component import Component
from azure_inference_core._credentials.masked import masked
from azure_inference_core._request.keywords import (
    CONNECTION_FIELDS,
    EXTRAS,
    describe,
    read_constructor,
)
from azure_inference_core._request.parameters import COMMON, CONTROLS
from azure_inference_core._request.secrets import hidden, hidden_headers
from langchain_azure_inference.errors import ConfigurationError, translated

__version__ = version("azure-inference-integrations")
PACKAGE = "langchain-azure-inference"


def _hidden(value: Any) -> Any:
    return SecretStr(value) if isinstance(value, str) else masked(value)


_HIDDEN = {"credential": _hidden, "default_headers": hidden_headers}
"""How the fields that hold secrets are kept."""


class Endpoint(BaseModel, Component):
    """Fields and behaviour that chat, completions and embeddings have in common.

    Keywords of the retired and of sibling classes (``base_url``, ``api_key``, ``model_name``, ``model_kwargs``,
    ``client_kwargs``, ...) are understood. A field may be changed later: the next call uses the new value.

    Attributes:
        endpoint: The endpoint's URL; its host and path decide the dialect. From ``AZURE_INFERENCE_ENDPOINT`` when
            not given.
        credential: A key, ``SecretStr``, ``AzureKeyCredential``, token credential or callable that gives a token. From
            ``AZURE_INFERENCE_CREDENTIAL``; then, at hosts of Azure, ``DefaultAzureCredential``.
        model: The model or deployment. From ``AZURE_INFERENCE_MODEL``.
        family: The model's family, where the deployment's name does not tell it.
        api_version: The ``api-version`` to send; that of the address or the dialect's when not given.
        timeout: Seconds for a call with its retries, or ``Timeouts`` (or a dict of its fields). Default
            600 in total (1,740 with a model that reasons), of which 5 to connect.
        max_retries: How often a failed request is sent again; 2 when not given.
        default_headers: Headers for every request. Their values are hidden, dumped nowhere, and in no pickle but
            ``multiprocessing``'s own, unless one is shorter than eight characters.
        credential_scopes: Entra ID scopes; the host's when not given.
        ca_bundle: Path of a PEM file with the authorities to trust.
        dialect: ``"serverless"``, ``"foundry"``, ``"azure-openai"`` or ``"openai-v1"`` where the URL does
            not show it.
        allow_insecure: Allow plain http to another machine.
        trust_env: Honour the environment's proxy and CA variables.
        max_connections: Connections at most, per process and per event loop; further calls wait; 256 when not given.
        max_response_bytes: Largest answer; 64 MiB when not given.
        max_event_bytes: Largest event of a stream; 8 MiB when not given.
        max_request_bytes: Largest request; 32 MiB when not given.
        user_agent: Put before this package's own user agent.
        policies: azure-core policies that every request goes through, such as a gateway's signature.
        model_extras: Parameters beyond the API's common ones, for every call. Any keyword this class does not
            know is put here.
        extra_parameters: What the endpoint does with extras it does not know: ``"pass-through"`` to the
            model (the default), ``"drop"`` or ``"error"``.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True, hide_input_in_errors=True)

    endpoint: str | None = None
    credential: Annotated[Any, BeforeValidator(_hidden)] = Field(default=None, exclude=True, repr=False)
    model: str | None = None
    family: str | None = None
    api_version: str | None = None
    timeout: InstanceOf[Timeouts] | dict[str, float] | float | None = None
    max_retries: int | None = None
    default_headers: dict[str, Annotated[Any, BeforeValidator(hidden)]] | None = Field(
        default=None, exclude=True, repr=False
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

    _agent: ClassVar[str] = f"{PACKAGE}/{__version__}"
    _raising: ClassVar[AbstractContextManager[Any]] = translated
    _parameters: ClassVar[tuple[str, ...]] = ()
    _shown: ClassVar[tuple[str, ...]] = ()

    def __init__(self, **given: Any) -> None:
        cls = type(self)
        # LangChain copies models by their __dict__, cached properties and all.
        given = {k: v for k, v in given.items() if not isinstance(getattr(cls, k, None), cached_property)}
        try:
            with translated:
                super().__init__(**read_constructor(given, cls.model_fields))
        except ValidationError as error:
            # pydantic's own text can quote the input, and the input can be a key.
            problems = error.errors(include_url=False, include_input=False, include_context=False)
            raise ConfigurationError(describe(problems)) from None

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        fields = cls.model_fields
        of_a_call = (COMMON | CONTROLS | {EXTRAS}).difference(CONNECTION_FIELDS)
        cls._parameters = tuple(name for name in fields if name in of_a_call)
        shown = (*CONNECTION_FIELDS, *cls._parameters)
        cls._shown = tuple(name for name in shown if not fields[name].exclude)

    def model_post_init(self, context: Any, /) -> None:
        """What pydantic calls when the fields are read: open the client."""
        super().model_post_init(context)
        self._open()

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
        return {} if self.credential is None else {"credential": "AZURE_INFERENCE_CREDENTIAL"}

    @property
    def lc_attributes(self) -> dict[str, Any]:
        """What a serialised model holds in a form of its own."""
        return {"timeout": asdict(self.timeout)} if isinstance(self.timeout, Timeouts) else {}

    def _defaults(self) -> dict[str, Any]:
        """The constructor's parameters for one call, as they are now."""
        return self._given(self._parameters)

    def _described(self) -> dict[str, Any]:
        """All that makes two models give different answers, and no secret."""
        described = self._given(self._shown)
        described.update(self.lc_attributes)
        if self.default_headers:
            described["default_headers"] = self._headers_mark()
        return described

    def _given(self, names: tuple[str, ...]) -> dict[str, Any]:
        fields = self.__dict__
        return {name: value for name in names if (value := fields[name]) is not None}

    def _headers_mark(self) -> str:
        """What tells two sets of headers apart in a cache key without showing them."""
        text = repr(
            sorted((name.lower(), value.mark) for name, value in (self.default_headers or {}).items())
        )
        return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"

    if not TYPE_CHECKING:  # it would allow every name

        def __getattr__(self, name: str) -> Any:
            return self._by_word(name, super().__getattr__)

    def __setattr__(self, name: str, value: Any) -> None:
        if self._is_word(name):
            with translated:
                self._set_word(name, value)
            return
        super().__setattr__(name, _HIDDEN[name](value) if name in _HIDDEN else value)
        # LangChain computes this once, and uses it as the key of caches.
        self.__dict__.pop("_serialized", None)

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """Copy, with other values for some fields, by any of the constructor's words.

        ```python
        patient = model.model_copy(update={"timeout": 1200, "model_kwargs": {"top_k": 5}})
        print(patient.timeout, patient.model_name, patient.model_kwargs)
        ```

        Raises:
            ConfigurationError: A value cannot be used.
        """
        with translated:
            copied = super().model_copy(update=self._hidden_update(update) if update else None, deep=deep)
            copied.__dict__.pop("_serialized", None)
            copied._current()  # noqa: SLF001 - of the same class
        return copied

    def _hidden_update(self, update: Mapping[str, Any]) -> dict[str, Any]:
        meant = self._meant(update)
        return {**meant, **{name: hide(meant[name]) for name, hide in _HIDDEN.items() if name in meant}}

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        # Credentials and policies hold locks and sessions: copies share them.
        memo = {} if memo is None else memo
        memo.update({id(shared): shared for shared in (self.credential, self.policies)})
        return super().__deepcopy__(memo)

    def __getstate__(self) -> dict[Any, Any]:
        with translated:
            state = self._kept_state(super().__getstate__())
        state["__dict__"].pop("_serialized", None)
        return state

    def __setstate__(self, state: dict[Any, Any]) -> None:
        super().__setstate__(self._found_state(state))
        self._hold(self._held[1])
