"""The connections of the server: how long they may be silent, and that none outlives it."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

from uvicorn import Server
from uvicorn.protocols.http.h11_impl import H11Protocol


class TimedProtocol(H11Protocol):
    """uvicorn's protocol, with a limit on the time a connection may wait with its first request.

    uvicorn itself only limits the time after an answer, so that an idle connection would count for ever.
    """

    def connection_made(self, transport: Any) -> None:
        """Start the clock of a new connection."""
        super().connection_made(transport)
        self.app_state = {
            **self.app_state,
            "abort": transport.abort,
        }  # reaches the application as request.state
        self._clock: asyncio.TimerHandle | None = self.loop.call_later(self.timeout_keep_alive, self._late)

    def _late(self) -> None:
        """Close a connection that has not sent a whole request head in time."""
        if self.cycle is None and not self.transport.is_closing():
            self.transport.close()

    def shutdown(self) -> None:
        """Close the connection as the server stops.

        An idle TLS connection is cut: its orderly end would wait half a minute for a client that does not listen.
        """
        super().shutdown()
        if self.scheme == "https" and self.transport.is_closing():
            self.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the clock."""
        if self._clock is not None:
            self._clock.cancel()
        super().connection_lost(exc)


class PatientServer(Server):
    """uvicorn's server, which leaves no connection behind when the time for an orderly end is over."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop: first as uvicorn does, then by cutting what is still there."""
        await super().shutdown(sockets)
        for connection in list(self.server_state.connections):
            connection.transport.abort()
        await asyncio.sleep(0)
