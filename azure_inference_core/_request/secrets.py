"""What is sent and never shown: hidden in texts, left out of pickles, taken out of what a service says. Pure."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from multiprocessing.reduction import ForkingPickler
from typing import Any, NamedTuple

from azure_inference_core._request.strict_json import kind_of
from azure_inference_core.errors import ConfigurationError, ErrorResponse

_SHORTEST = 8
"""Fewer characters are no secret: the word a server without keys is given, the colour of a deployment."""

_LONG = 24
"""So many characters stand in another word by no accident."""

_SECRET_WORDS = ("auth", "key", "token", "secret", "cookie", "password", "signature")
_MARK = re.compile(r"\[hidden, sha256 [0-9a-f]{8}\]")
_CONCEALED = "[credential]"

_LAST_WORD = re.compile(
    r"(?:api)?keys?|token|secrets?|passw(?:or)?ds?|pwd|passphrase|cred(?:ential)?s?|auth(?:orization)?|bearer|jwt|cookies?"
    r"|sig(?:nature)?|sas|pat|headers?"
)
_LAST_WORDS = re.compile(r".*(?:token|credentials?|key)_?provider|.*connection_?string", re.IGNORECASE)
_NO_SECRET = re.compile(r"prompt_cache_key|cache_salt|(?:pad|bos|eos|stop|unk|mask|sep)_token")


class Secret:
    """A value that no text shows. ``multiprocessing``'s own pipes carry it, every other pickle only its mark.

    Args:
        value: ``None`` where it was left behind in another process.
        mark: What may be written down in its place.
    """

    __slots__ = ("_value", "mark")

    def __init__(self, value: str | None = None, mark: str = "") -> None:
        self._value = value
        self.mark = mark

    @property
    def is_left_behind(self) -> bool:
        """Whether the value is in another process, or gone."""
        return self._value is None

    def get_secret_value(self) -> str:
        """The value, by the name that pydantic's ``SecretStr`` has for it.

        Raises:
            ConfigurationError: It was left behind.
        """
        if self._value is None:
            raise ConfigurationError("a secret was left behind in another process; set it again")
        return self._value

    def __repr__(self) -> str:
        return "**********"

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Secret):
            return (self._value, self.mark) == (other._value, other.mark)
        return isinstance(other, str) and self._value == other

    def __hash__(self) -> int:
        return hash(self._value)

    def __copy__(self) -> Secret:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Secret:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return _written, (self.mark,)

    def carried(self) -> tuple[Any, ...]:
        """As ``__reduce__``, with the value."""
        return Secret, (self._value, self.mark)


ForkingPickler.register(Secret, Secret.carried)


def _written(mark: str) -> Secret:
    return hidden(mark) if mark else Secret()


class Carried:
    """A user's object that may hold secrets, in a pickle: ``multiprocessing``'s own pipes carry it, others hold nothing.

    Args:
        thing: ``None`` where it was left behind in another process, since it does not pickle.
        kind: The name of its class.
    """

    __slots__ = ("_thing", "kind")

    def __init__(self, thing: Any, kind: str | None = None) -> None:
        self._thing = thing
        self.kind = kind or type(thing).__name__

    @property
    def is_left_behind(self) -> bool:
        """Whether it is in another process."""
        return self._thing is None

    def __reduce__(self) -> tuple[Any, ...]:
        return _nothing, ()

    def carried(self) -> tuple[Any, ...]:
        """As ``__reduce__``: the thing itself, or what tells that there was one."""
        try:
            ForkingPickler.dumps(self._thing)
        except Exception:  # noqa: BLE001 - whatever its class raises, it does not pickle
            return Carried, (None, self.kind)
        return (_itself, (self._thing,)) if self._thing is not None else (Carried, (None, self.kind))


ForkingPickler.register(Carried, Carried.carried)


def _nothing() -> None:
    return None


def _itself(thing: Any) -> Any:
    return thing


def hidden(value: Any) -> Secret:
    """The value of a header, hidden; what was written down in the place of one is one that was left behind.

    Raises:
        ConfigurationError: Not a string.
    """
    if isinstance(value, Secret):
        return value
    reveal = getattr(value, "get_secret_value", None)
    text = reveal() if reveal else value
    if not isinstance(text, str):
        raise ConfigurationError(f"a header's value must be a string, not {kind_of(text)}")
    if _MARK.fullmatch(text):
        return Secret(None, text)
    if len(text) < _SHORTEST:
        return Secret(text, text)
    # Too little of the hash to find the value by, enough to tell two apart in the key of a cache.
    return Secret(text, f"[hidden, sha256 {hashlib.sha256(text.encode()).hexdigest()[:8]}]")


def hidden_headers(headers: Any) -> Any:
    """Headers with their values hidden; what is no mapping is left to whoever checks it."""
    return (
        {name: hidden(value) for name, value in headers.items()} if isinstance(headers, Mapping) else headers
    )


class Headers(dict[str, str]):
    """Headers of one request, whose values no rendering of a traceback shows."""

    def __repr__(self) -> str:
        return f"<headers {', '.join(self)}>"


def is_secret_name(name: str) -> bool:
    """Whether a header is named like one that holds a secret."""
    return any(word in name.lower() for word in _SECRET_WORDS)


def is_secret(name: str, value: Any) -> bool:
    """Whether a keyword is one that holds a secret: by the last words of its name, and by what it holds.

    >>> is_secret("my_gateway_key", "abc"), is_secret("prompt_cache_key", "abc"), is_secret("max_tokens", 5)
    (True, False, False)
    """
    if not _sounds_secret(name):
        return False
    held = isinstance(value, (str, bytes, Mapping)) or callable(value)
    return held or any(hasattr(value, reveals) for reveals in ("get_secret_value", "get_token"))


@lru_cache(512)
def _sounds_secret(name: str) -> bool:
    last = re.split(r"[_\-.]|(?<=[a-z])(?=[A-Z])", name)[-1].lower()
    sounds = _LAST_WORD.fullmatch(last) or _LAST_WORDS.fullmatch(name)
    return sounds is not None and not _NO_SECRET.fullmatch(name)


class GivenToken:
    """A token that was given as a text, as the credential that gives it: nothing tells when it expires.

    Args:
        token: The token, with or without the word before it.
    """

    __slots__ = ("_token",)

    def __init__(self, token: Any) -> None:
        reveal = getattr(token, "get_secret_value", None)
        self._token = hidden(str(reveal() if reveal else token).removeprefix("Bearer ").strip())

    def get_token(self, *_: str, **__: Any) -> Any:
        """The token."""
        return _Token(self._token.get_secret_value(), _NEVER)


class _Token(NamedTuple):
    token: str
    expires_on: float


_NEVER = 4e9  # seconds since the epoch: in the year 2096


def conceal(thing: Any, secrets: Iterable[str]) -> Any:
    """What an error holds without these secrets, in whatever spelling a service quotes them.

    A secret has to be a word of its own: one that is short, and a part of a parameter's name, is none.
    """
    if isinstance(thing, str):
        for secret in secrets:
            thing = _without(thing, secret)
        return thing
    if isinstance(thing, bytes):
        text = conceal(thing.decode("utf-8", "surrogateescape"), secrets)
        return text.encode("utf-8", "surrogateescape")
    if isinstance(thing, dict):
        return {conceal(name, secrets): conceal(value, secrets) for name, value in thing.items()}
    if isinstance(thing, (list, tuple)):
        items = [conceal(item, secrets) for item in thing]
        if isinstance(thing, list):
            return items
        return type(thing)(*items) if hasattr(thing, "_fields") else tuple(items)
    if isinstance(thing, ErrorResponse):
        headers, content = conceal(thing.headers, secrets), conceal(thing.content, secrets)
        return ErrorResponse(thing.status_code, headers, content)
    return thing


# One character, as JSON, Python, URLs and HTML write it, escaped once or several times.
_ESCAPE = re.compile(
    r"\\+(?:u(?:0000)?([0-9a-f]{4})|x([0-9a-f]{2})|(.))|%(?:25)*([0-9a-f]{2})"
    r"|&(?:amp;)*(?:\#x0*([0-9a-f]{1,4})|\#0*([0-9]{1,5})|(amp|quot|apos|lt|gt));",
    re.IGNORECASE | re.DOTALL,
)
_NAMED = {"amp": "&", "quot": '"', "apos": "'", "lt": "<", "gt": ">"}
_SPACES = frozenset("bfnrt")
_ALIKE = str.maketrans("-+/ ", "____")  # base64 has two alphabets, forms write a plus for a space
# Where a text was cut short in the middle of a secret, or of one of its escapes.
_CUT = re.compile(
    r"(?:\\+|u[0-9a-f]{0,3}|x[0-9a-f]?|%[0-9a-f]{0,3}|&[a-z]{0,4}|&\#x?[0-9a-f]*)?(?:\.\.\.|$| \()",
    re.IGNORECASE,
)


def _without(text: str, secret: str) -> str:
    secret, _ = _unescaped(secret)
    if len(secret) < _SHORTEST:
        return text
    plain, places = _unescaped(text)
    shown, done = [], 0
    for start, end in _found(plain, secret):
        shown += [text[done : places[start]], _CONCEALED]
        done = places[end]
    return "".join([*shown, text[done:]]) if shown else text


def _unescaped(text: str) -> tuple[str, range | list[int]]:
    """A text with its escapes undone, and where each of its characters begins in the text, its end last."""
    pieces: list[str] = []
    places: list[int] = []
    done = 0
    for match in _ESCAPE.finditer(text):
        pieces += [text[done : match.start()], _character(match)]
        places += [*range(done, match.start()), match.start()]
        done = match.end()
    if not pieces:
        return text, range(len(text) + 1)
    return "".join([*pieces, text[done:]]), [*places, *range(done, len(text) + 1)]


def _character(match: re.Match[str]) -> str:
    *_, decimal, name = match.groups()
    if name:
        return _NAMED[name.lower()]
    if decimal:
        return chr(int(decimal))
    if escaped := match[3]:
        return " " if escaped in _SPACES else escaped
    return chr(int(next(filter(None, match.groups())), 16))


def _found(plain: str, secret: str) -> Iterator[tuple[int, int]]:
    """Where a secret stands in a text as a word of its own, or its beginning where the text was cut short."""
    alike, secret = plain.translate(_ALIKE), secret.translate(_ALIKE)
    start = alike.find(secret[:_SHORTEST])
    while start >= 0:
        part = alike[start : start + len(secret)]
        same = next((i for i, (a, b) in enumerate(zip(part, secret, strict=False)) if a != b), len(part))
        end = start + same
        if same == len(secret):
            is_found = same >= _LONG or not _runs_on(plain, start, end)
        else:
            is_found = _CUT.match(plain, end) is not None
        if is_found:
            yield start, end
        start = alike.find(secret[:_SHORTEST], end if is_found else start + 1)


def _runs_on(plain: str, start: int, end: int) -> bool:
    pairs = (plain[max(start - 1, 0) : start + 1], plain[end - 1 : end + 1])
    return any(len(pair) == 2 and pair.replace("_", "a").isalnum() for pair in pairs)
