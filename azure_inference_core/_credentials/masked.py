"""A user's credential that would show what it holds, masked."""

from __future__ import annotations

from multiprocessing.reduction import ForkingPickler
from types import FunctionType
from typing import Any


class Masked:
    """A user's credential whose own ``repr`` may tell what it holds: works as it does, and shows nothing.

    ``multiprocessing``'s own pipes carry it, other pickles nothing of it.

    Args:
        thing: The credential.
    """

    __slots__ = ("_thing",)

    def __init__(self, thing: Any) -> None:
        self._thing = thing

    def __getattr__(self, name: str) -> Any:
        return getattr(self._thing, name)

    def __call__(self) -> Any:
        return self._thing()

    def __repr__(self) -> str:
        return f"<{type(self._thing).__name__}>"

    def __reduce__(self) -> tuple[Any, ...]:
        return Masked, (None,)

    def carried(self) -> tuple[Any, ...]:
        """As ``__reduce__``, with the credential."""
        return Masked, (self._thing,)


ForkingPickler.register(Masked, Masked.carried)


def masked(credential: Any) -> Any:
    """A credential, masked if it tells more than its class when it is shown: a bound method, a partial, a dataclass."""
    kind: Any = type(credential)
    shows = kind.__repr__ is not object.__repr__ and not hasattr(credential, "get_secret_value")
    is_one = callable(credential) or hasattr(credential, "get_token") or hasattr(credential, "key")
    return Masked(credential) if shows and is_one and not isinstance(credential, _PLAIN) else credential


_PLAIN = (Masked, FunctionType, type)


def unmasked(credential: Any) -> Any:
    """The user's own credential."""
    return credential._thing if isinstance(credential, Masked) else credential  # noqa: SLF001
