"""Which tool call a streamed piece belongs to. Pure."""

from __future__ import annotations

from typing import Any


class CallNumbers:
    """Numbers the tool calls of one choice, by the server's index, or by id where it gives none."""

    def __init__(self) -> None:
        self._count = 0
        self._by_index: dict[int, tuple[int, str | None]] = {}
        self._by_id: dict[str, int] = {}
        self._named: set[int] = set()

    @property
    def nameless(self) -> bool:
        """Whether there is a call whose function was never named."""
        return len(self._named) < self._count

    def of(self, index: Any, call_id: str | None, name: str | None) -> int:
        """The number of the call that a piece belongs to."""
        number = self._by_server(index, call_id, name) if type(index) is int else self._by_call(call_id, name)
        if name is not None:
            self._named.add(number)
        return number

    def _by_server(self, index: int, call_id: str | None, name: str | None) -> int:
        number, known_id = self._by_index.get(index, (-1, None))
        # Servers that call every index 0 tell calls apart by a new id with a new name.
        if number < 0 or (call_id and known_id and call_id != known_id and name):
            # A call may have begun without its index.
            begun = self._by_id.get(call_id or "")
            known_id = None
            number = self._by_call(None, call_id or name) if begun is None else begun
        self._by_index[index] = (number, known_id or call_id)
        return number

    def _by_call(self, call_id: str | None, name: str | None) -> int:
        if call_id is None:
            return self._new() if name is not None or not self._count else self._count - 1
        if call_id not in self._by_id:
            known = (number for number, known_id in self._by_index.values() if known_id == call_id)
            number = next(known, None)
            self._by_id[call_id] = self._new() if number is None else number
        return self._by_id[call_id]

    def _new(self) -> int:
        self._count += 1
        return self._count - 1
