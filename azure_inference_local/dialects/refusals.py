"""Refusals, and the bodies several dialects share."""

from __future__ import annotations

from typing import Any


class Refusal(Exception):  # noqa: N818 - an answer, not a fault of the program
    """What is answered in the place of an answer: a status, a body and headers.

    Args:
        status: The HTTP status.
        body: The JSON value of the body, or the bytes of a web page.
        headers: Further headers of the answer.
    """

    def __init__(self, status: int, body: Any, headers: dict[str, str] | None = None) -> None:
        super().__init__(f"{status}: {body}")
        self.status = status
        self.body = body
        self.headers = headers or {}


def with_code(status: int, body: Any) -> Refusal:
    """Return a refusal whose error code is in a header, too, as the services send it."""
    error = body.get("error") if isinstance(body, dict) else None
    code = error.get("code") if isinstance(error, dict) else None
    return Refusal(status, body, {"x-ms-error-code": str(code)} if code else None)


def forbidden(loc: list[str], value: Any) -> dict[str, Any]:
    """Return pydantic's entry for a key that may not be there."""
    return {
        "type": "extra_forbidden",
        "loc": ["body", *loc],
        "msg": "Extra inputs are not permitted",
        "input": value,
        "url": "https://errors.pydantic.dev/2.10/v/extra_forbidden",
    }


def managed_422(entries: list[dict[str, Any]]) -> Refusal:
    """Return the 422 of Microsoft's model server, which Cohere's serverless endpoints send, too."""
    error = {"code": "Invalid input", "status": 422, "message": "invalid input error", "details": entries}
    return with_code(422, {"error": error})


def string_loc(entry: dict[str, Any]) -> dict[str, Any]:
    """Return the entry with a `loc` of strings only: the documentation's own handler joins them."""
    return {**entry, "loc": [str(part) for part in entry["loc"]]}


def openai_path(loc: list[Any]) -> str:
    """Return a location as OpenAI writes it: `messages[0].role`."""
    text = ""
    for part in loc:
        if isinstance(part, int):
            text += f"[{part}]"
        elif part.isidentifier():
            text += f".{part}" if text else part
    return text


def openai_refusal(
    status: int, message: str, *, param: str | None = None, code: str | None = None
) -> Refusal:
    """Return a refusal in OpenAI's form."""
    kind = "server_error" if status >= 500 else "invalid_request_error"
    return with_code(status, {"error": {"message": message, "type": kind, "param": param, "code": code}})
