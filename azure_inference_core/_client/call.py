"""One call on its way: its request, its attempts, its answer. The same for sync and async."""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from azure_inference_core._client.retry import Attempts, RetryBudget
from azure_inference_core._refusal.judging import request_id_of, status_error
from azure_inference_core._request.parameters import EncodedRequest
from azure_inference_core._response.whole import parse_json
from azure_inference_core._transport.network import Deadline
from azure_inference_core.connection import Connection, Timeouts, check_retries
from azure_inference_core.errors import AuthenticationError, InferenceError, StatusError

_log = logging.getLogger("azure_inference")


@dataclass(frozen=True, slots=True)
class Answer:
    """A successful answer, read whole.

    Attributes:
        body: The JSON object.
        request_id: The service's id of the request.
        attempts: How many times the request was sent.
    """

    body: dict[str, Any]
    request_id: str | None
    attempts: int


class Call:
    """One call, from its encoded request to its answer or error.

    Args:
        connection: Where to.
        budget: The client's budget of retries.
        method: ``"GET"`` or ``"POST"``.
        route: Such as ``/chat/completions``.
        encoded: The body and the headers that depend on the call.
        base_headers: The headers of every call.
        params: ``timeout`` and ``max_retries``, where the call has its own.
    """

    def __init__(
        self,
        connection: Connection,
        budget: RetryBudget,
        method: str,
        route: str,
        encoded: EncodedRequest,
        base_headers: Mapping[str, str],
        params: Mapping[str, Any],
    ) -> None:
        timeout, retries = params.get("timeout"), params.get("max_retries")
        self.method = method
        self.url = connection.url(route, encoded.model)
        self.body = encoded.body if method == "POST" else None
        self.headers = {**base_headers, "x-ms-client-request-id": str(uuid.uuid4()), **encoded.headers}
        self._timeouts = connection.timeouts if timeout is None else Timeouts.of(timeout)
        self.deadline = Deadline(self._timeouts)
        self.attempts = Attempts(
            connection.max_retries if retries is None else check_retries(retries), budget
        )
        self._connection = connection
        self._route = route
        self._renewed = False
        self._started = 0.0

    def begin(self) -> None:
        """An attempt begins, and with the first the call's time: a stream may be started long after it was made."""
        self._started = time.monotonic()
        if not self.attempts.made:
            self.deadline = Deadline(self._timeouts)
        self.attempts.made += 1

    def failed(self, error: InferenceError) -> float:
        """An attempt failed; seconds to wait before the next.

        Raises:
            InferenceError: ``error``, when there is no next.
        """
        self._note(str(error.status or type(error).__name__), error.request_id)
        error.attempts = self.attempts.made
        if isinstance(error, AuthenticationError) and error.status and not self._renewed:
            self._renewed = True
            if self._connection.auth.renew(self.deadline.sent_at):
                return 0.0
        wait = self.attempts.wait_after(error, self.deadline.left())
        if wait is None:
            raise error
        return wait

    def succeeded(self, status: int, headers: Mapping[str, str]) -> None:
        """An attempt brought an answer."""
        self.attempts.succeeded()
        self._note(str(status), request_id_of(headers))

    def refused(self, status: int, headers: Mapping[str, str], body: bytes) -> StatusError:
        """The error of an answer that is not a success; a service that quotes the credential is not quoted."""
        conceal = self._connection.auth.conceal
        return status_error(
            status,
            {name: conceal(value) for name, value in headers.items()},
            conceal(body.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape"),
            attempts=self.attempts.made,
            url_host=self._connection.host,
        )

    def explained(self, error: InferenceError, headers: Mapping[str, str]) -> InferenceError:
        """An error found in a successful answer, with what the call knows of it."""
        error.attempts = self.attempts.made
        error.request_id = error.request_id or request_id_of(headers)
        error.message = self._connection.auth.conceal(error.message)
        error.args = (error.message,)
        return error

    def answer(self, headers: Mapping[str, str], body: bytes) -> Answer:
        """The answer of a whole body.

        Raises:
            InferenceError: The body is not an answer.
        """
        try:
            return Answer(parse_json(body, headers), request_id_of(headers), self.attempts.made)
        except InferenceError as error:
            raise self.explained(error, headers) from error.__cause__

    def _note(self, outcome: str, request_id: str | None) -> None:
        if _log.isEnabledFor(logging.DEBUG):
            _log.debug(
                "%s%s -> %s in %.0f ms (attempt %d, request id %s)",
                self._connection.host,
                self._route,
                outcome,
                (time.monotonic() - self._started) * 1000,
                self.attempts.made,
                request_id,
            )
