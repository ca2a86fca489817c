"""One call on its way: its request, its attempts, its answer. The same for sync and async."""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from azure_inference_core._client.habits.learning import Habits, Rule, with_way_out
from azure_inference_core._client.retry import Attempts, RetryBudget
from azure_inference_core._refusal.judging import request_id_of, status_error
from azure_inference_core._request.parameters import Draft, EncodedRequest
from azure_inference_core._request.secrets import Headers, Secret, conceal, is_secret_name
from azure_inference_core._response.body import read_body
from azure_inference_core.connection import Connection, check_count
from azure_inference_core.errors import AuthenticationError, InferenceError, StatusError
from azure_inference_core.timeouts import Deadline, Timeouts

ReadT = TypeVar("ReadT")
ErrorT = TypeVar("ErrorT", bound=InferenceError)

_log = logging.getLogger("azure_inference")


@dataclass(frozen=True, slots=True, repr=False)
class Answer:
    """A successful answer, read whole.

    Attributes:
        body: The JSON object.
        request_id: The service's id of the request.
        attempts: How many times the request was sent.
        explain: Completes an error that is found in it.
    """

    body: dict[str, Any]
    request_id: str | None
    attempts: int
    explain: Callable[[InferenceError], InferenceError]

    def read(self, parse: Callable[[dict[str, Any]], ReadT]) -> ReadT:
        """What a parser makes of the body; an error of its says which request it is about."""
        try:
            return parse(self.body)
        except InferenceError as error:
            raise self.explain(error) from error.__cause__


class Call:
    """One call, from its parameters to its answer or error.

    Args:
        connection: Where to.
        budget: The client's budget of retries.
        habits: What the client has learned of the endpoint's models.
        method: ``"GET"`` or ``"POST"``.
        route: Such as ``/chat/completions``.
        draft: Makes the request anew, as it is before any habit.
        encode: Encodes it.
        base_headers: The headers of every call.
        params: ``timeout`` and ``max_retries``, where the call has its own.
    """

    deadline: Deadline

    def __init__(
        self,
        connection: Connection,
        budget: RetryBudget,
        habits: Habits,
        method: str,
        route: str,
        draft: Callable[[], Draft],
        encode: Callable[[Draft], EncodedRequest],
        base_headers: Mapping[str, Any],
        params: Mapping[str, Any],
    ) -> None:
        timeout, retries = params.get("timeout"), params.get("max_retries")
        self.method = method
        self._timeouts = Timeouts.of(timeout, connection.timeouts_of(params.get("model")))
        self.attempts = Attempts(
            connection.max_retries if retries is None else check_count("max_retries", retries, 0), budget
        )
        self._connection = connection
        self._habits = habits
        self._route = route
        self._new_draft = draft
        self._encode = encode
        self._base_headers = Headers(
            {k: v.get_secret_value() if isinstance(v, Secret) else v for k, v in base_headers.items()}
        )
        self._base_headers["x-ms-client-request-id"] = str(uuid.uuid4())
        model = params.get("model")
        self._model = model if isinstance(model, str) else connection.model
        self._renewed = False
        self._tried: set[Rule] = set()
        self._started = 0.0
        self._prepare()

    def _prepare(self) -> None:
        """Encode the request, in the form that the model is known to take."""
        self.draft = draft = self._new_draft()
        self._forms = self._habits.shape(draft, self._model)
        encoded = self._encode(draft)
        self.url = self._connection.url(self._route, encoded.model, draft.api_version)
        self.body = encoded.body if self.method == "POST" else None
        self.headers = Headers({**self._base_headers, **encoded.headers})

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
        if self._habits.learned(error, self.draft, self._forms, self._model, self._tried):
            self._prepare()
            return 0.0
        wait = self.attempts.wait_after(error, self.deadline.left())
        if wait is None:
            raise with_way_out(error, self._forms) from error.__cause__
        return wait

    def succeeded(self, status: int, headers: Mapping[str, str]) -> None:
        """An attempt brought an answer."""
        self.attempts.succeeded()
        self._note(str(status), headers)

    def refused(self, status: int, headers: Mapping[str, str], body: bytes) -> StatusError:
        """The error of an answer that is not a success; a service that quotes the credential is not quoted."""
        error = status_error(status, headers, body, url=self.url)
        if status == 401 and not self._connection.auth.secrets:
            error.message += " No credential was sent: pass credential=, or set AZURE_INFERENCE_CREDENTIAL."
        return self._concealed(error)

    def explained(self, error: InferenceError, headers: Mapping[str, str]) -> InferenceError:
        """An error found in a successful answer, with what the call knows of it."""
        error.attempts = self.attempts.made
        error.request_id = error.request_id or request_id_of(headers)
        _drop_frames(error)
        return self._concealed(error)

    def answer(self, headers: Mapping[str, str], body: bytes) -> Answer:
        """The answer of a whole body.

        Raises:
            InferenceError: The body is not an answer.
        """
        explain = partial(self.explained, headers=headers)
        try:
            return Answer(read_body(body, headers), request_id_of(headers), self.attempts.made, explain)
        except InferenceError as error:
            failure = explain(error)
        del body, headers, explain  # a traceback can show variables
        raise failure from failure.__cause__

    def _concealed(self, error: ErrorT) -> ErrorT:
        """The error without what no text may quote, now that the answer has been read as it was."""
        secrets = self._secrets()
        error.__dict__.update({name: conceal(value, secrets) for name, value in vars(error).items()})
        error.args = (error.message,)
        return error

    def _secrets(self) -> list[str]:
        """The credential, the values of the default headers, and of a call's headers those with a secret's name."""
        hidden = self._connection.default_headers
        named = [value for name, value in self.headers.items() if name in hidden or is_secret_name(name)]
        return [*self._connection.auth.secrets, *named]

    def _note(self, outcome: str, told: Mapping[str, str] | str | None) -> None:
        """Write a line of log; ``told`` is the request's id, or the headers it stands in."""
        if _log.isEnabledFor(logging.DEBUG):
            request_id = request_id_of(told) if isinstance(told, Mapping) else told
            _log.debug(
                "%s%s -> %s in %.0f ms (attempt %d, request id %s)",
                self._connection.host,
                self._route,
                outcome,
                (time.monotonic() - self._started) * 1000,
                self.attempts.made,
                request_id and conceal(request_id, self._secrets()),
            )


def _drop_frames(error: BaseException) -> None:
    """Leave an exception and its causes without their frames, whose variables hold the answer."""
    below: BaseException | None = error
    while below is not None:
        below.__traceback__ = None
        below = below.__cause__ or below.__context__
