"""What the frameworks' classes share: a client that follows their fields, and its life."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager, AbstractContextManager, nullcontext
from functools import cache
from operator import itemgetter
from typing import Any, ClassVar, Self

from azure_inference_core._credentials.masked import masked, unmasked
from azure_inference_core._request.keywords import (
    CONNECTION_FIELDS,
    DEPLOYMENTS,
    EXTRAS,
    WORDS,
    client_kwargs_of,
    fields_of,
    read_constructor,
)
from azure_inference_core._request.secrets import hidden_headers
from azure_inference_core.connection import Connection
from azure_inference_core.values import ModelInfo


class Closing(AbstractContextManager[Any], AbstractAsyncContextManager[Any]):
    """What is closed at the end of its ``with`` or ``async with`` block."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    @abstractmethod
    def close(self) -> None:
        """Close the connections; a later call opens new ones. A ``with`` block does it at its end: ``model.close()``."""

    @abstractmethod
    async def aclose(self) -> None:
        """As :meth:`close`, with the connections of this event loop: ``await model.aclose()``, or ``async with``."""


class Component(Closing):
    """An object whose fields are those of a connection; changing one changes the next call.

    Mixed into pydantic models that have the fields and a private attribute ``_held``. Values are read from
    ``__dict__``, since this runs in every call and pydantic's own access takes several times as long.
    """

    _agent: ClassVar[str] = ""
    _model_field: ClassVar[str] = "model"
    _client_class: ClassVar[type[Any]]
    _client_fields: ClassVar[tuple[str, ...]] = ()
    _raising: ClassVar[AbstractContextManager[Any]] = nullcontext()
    __pydantic_private__: Any

    def _open(self) -> None:
        """Make the client at construction, so that what is wrong is said there; nothing touches the network."""
        connection = self._connect()
        # What came from the environment belongs to what identifies this object.
        self.__dict__["endpoint"] = connection.address
        if connection.model:
            self.__dict__[self._model_field] = connection.model
        self._hold(self._new_client(connection))

    def _current(self) -> Any:
        """The client of the fields as they are now."""
        settings, client = self.__pydantic_private__["_held"]
        return client if settings == self._settings() else self._hold(self._new_client(self._connect()))

    def _hold(self, client: Any) -> Any:
        self.__pydantic_private__["_held"] = (self._settings(), client)
        return client

    def _settings(self) -> tuple[Any, ...]:
        values: tuple[Any, ...] = _values_of(self._model_field, *self._client_fields)(self.__dict__)
        return values

    def _connect(self) -> Connection:
        values = {name: self.__dict__.get(name) for name in CONNECTION_FIELDS}
        values["model"] = self._asked_model()
        values["user_agent"] = f"{values['user_agent'] or ''} {self._agent}".strip()
        values["credential"] = unmasked(values["credential"])
        given = {name: value for name, value in values.items() if value is not None}
        return Connection(**given)

    def _asked_model(self) -> str | None:
        """The model to ask for; ``None`` where the endpoint serves one."""
        model: str | None = self.__dict__[self._model_field]
        return model

    def _kept_state(self, state: dict[Any, Any]) -> dict[Any, Any]:
        """A pickle's state with what may be kept of the credential."""
        client = self._current()
        return {
            **state,
            "__dict__": {**state["__dict__"], "credential": client.connection.kept_key, "policies": None},
            "__pydantic_private__": {**state["__pydantic_private__"], "_held": (None, client)},
        }

    @classmethod
    def _found_state(cls, state: dict[Any, Any]) -> dict[Any, Any]:
        """A pickle's state with what a release that made it did not have, and with what was kept of the credential."""
        private = dict(state["__pydantic_private__"])
        client = private["_held"][1] if "_held" in private else private.pop("_client")  # of the first release
        private.pop("_client_settings", None)
        values = {name: field.get_default(call_default_factory=True) for name, field in cls._fields().items()}
        values.update(state["__dict__"])
        if values["credential"] is None:
            values["credential"] = client.connection.kept_key  # of an earlier release
        values["credential"] = masked(values["credential"])
        values["default_headers"] = hidden_headers(values["default_headers"])
        values["policies"] = [*client.connection.policies] or None
        return {**state, "__dict__": values, "__pydantic_private__": {**private, "_held": (None, client)}}

    @classmethod
    def _fields(cls) -> dict[str, Any]:
        fields: dict[str, Any] = cls.model_fields  # type: ignore[attr-defined]  # of the pydantic class beside this one
        return fields

    # -- words of other classes, as attributes and in copies --

    @property
    def model_kwargs(self) -> dict[str, Any]:
        """Another word for ``model_extras``: ``model.model_kwargs["top_k"] = 5`` is for the next call."""
        extras: dict[str, Any] = self.__dict__[EXTRAS]
        return extras

    @model_kwargs.setter
    def model_kwargs(self, extras: dict[str, Any]) -> None:
        setattr(self, EXTRAS, extras)

    @property
    def client_kwargs(self) -> dict[str, Any]:
        """What the retired classes gave the SDK's client, as the fields are now, without headers: ``model.client_kwargs``.

        Assigning one sets the fields that it names.
        """
        return client_kwargs_of(self.__dict__)

    @client_kwargs.setter
    def client_kwargs(self, given: dict[str, Any]) -> None:
        self._set_word("client_kwargs", given)

    def _by_word(self, name: str, otherwise: Callable[[str], Any]) -> Any:
        """An attribute by a word of a sibling's class."""
        word = WORDS.get(name)
        if word is None or "_held" not in (self.__pydantic_private__ or ()):
            return otherwise(name)
        if name in DEPLOYMENTS:
            return self._current().connection.deployment
        if name == "azure_endpoint":
            return self.__dict__["endpoint"]
        field = next((to for to in word.to if to in self._fields()), None)
        if field == "credential":
            value = self.__dict__[field]
            return value if hasattr(value, "get_secret_value") else None
        if field is not None:
            return getattr(self, field)
        if word.way == "extra" and "max_tokens" in self._fields():
            return self.__dict__[EXTRAS].get(name)
        return otherwise(name)

    def _is_word(self, name: str) -> bool:
        """Whether an attribute that is assigned is a sibling's word, and none of this class."""
        return name in WORDS and name not in self._fields() and not hasattr(type(self), name)

    def _set_word(self, name: str, value: Any) -> None:
        for field, meant in self._meant({name: value}).items():
            setattr(self, field, meant)

    def _meant(self, update: Mapping[str, Any]) -> dict[str, Any]:
        """The fields that an update means, in any of the constructor's words; ``None`` is the default again."""
        fields = self._fields()
        given = dict(update)
        if given.keys() & {*DEPLOYMENTS} and "azure_endpoint" not in given:
            given.setdefault("endpoint", self.__dict__["endpoint"])
        read = read_constructor(given, fields)
        named = fields_of(update, fields)
        if "default_headers" in read and "default_headers" not in named:  # one more, by another word
            read["default_headers"] = {**(self.__dict__["default_headers"] or {}), **read["default_headers"]}
        if EXTRAS not in named and (added := read.pop(EXTRAS)):
            read[EXTRAS] = {**self.__dict__[EXTRAS], **added}
        return {
            **{
                field: fields[field].get_default(call_default_factory=True)
                for field in named
                if named[field] is None
            },
            **read,
        }

    def _new_client(self, connection: Connection) -> Any:
        return self._client_class(connection, **self._client_options())

    def _client_options(self) -> dict[str, Any]:
        return {}

    def model_info(self) -> ModelInfo:
        """Ask the endpoint which model it serves (``/info``; once, then remembered): ``model.model_info()``.

        Raises:
            ConfigurationError: The endpoint's dialect has no such route.
            InferenceError: It could not be asked.
        """
        with self._raising:
            info: ModelInfo = self._current().info()
        return info

    async def amodel_info(self) -> ModelInfo:
        """As :meth:`model_info`, async: ``await model.amodel_info()``."""
        with self._raising:
            info: ModelInfo = await self._current().ainfo()
        return info

    def close(self) -> None:
        """Close the connections; a later call opens new ones. A ``with`` block does it at its end: ``model.close()``."""
        self.__pydantic_private__["_held"][1].close()

    async def aclose(self) -> None:
        """As :meth:`close`, with the connections of this event loop: ``await model.aclose()``, or ``async with``."""
        await self.__pydantic_private__["_held"][1].aclose()


@cache
def _values_of(*own_fields: str) -> itemgetter[Any]:
    return itemgetter(*(name for name in CONNECTION_FIELDS if name != "model"), *own_fields)
