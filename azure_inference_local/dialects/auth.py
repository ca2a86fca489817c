"""Keys and tokens: who may ask, and the identity service that hands out tokens with no cloud."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Mapping
from typing import Any

from azure_inference_local.dialects.base import FOUNDRY_AUDIENCES, ML_AUDIENCES, Dialect
from azure_inference_local.dialects.refusals import Refusal

_LIFETIME = 3600
_KNOWN = frozenset((*ML_AUDIENCES, *FOUNDRY_AUDIENCES))


def new_key() -> str:
    """Return a random key of 256 bits."""
    return secrets.token_hex(32)


class Auth:
    """The checks of one server.

    Args:
        key: The key that opens it.
    """

    def __init__(self, key: str) -> None:
        self._key = key.encode()
        self._signing = secrets.token_bytes(32)
        self.identity_header = secrets.token_hex(16)

    def __repr__(self) -> str:
        """Return a text without the key."""
        return "Auth(<redacted>)"

    def check(self, headers: Mapping[str, str], dialect: Dialect) -> None:
        """Raise the dialect's 401 unless a header holds the key or a token for this service."""
        scheme, _, bearer = headers.get("authorization", "").partition(" ")
        bearer = bearer.strip() if scheme.lower() == "bearer" else ""
        api_key = headers.get("api-key", "")
        # Both are compared whatever the first says, so that the time tells nothing.
        by_bearer, by_key = self._is_key(bearer), self._is_key(api_key)
        if by_bearer or by_key:
            return
        audience = self._audience(bearer)
        if audience is None:
            raise dialect.unauthorized(presented=bool(bearer or api_key))
        if audience.rstrip("/") not in dialect.audiences:
            raise dialect.wrong_audience()

    def _is_key(self, value: str) -> bool:
        return hmac.compare_digest(value.encode(), self._key)

    def token(self, resource: str) -> dict[str, str]:
        """Return the answer of the identity service for a resource.

        Raises:
            Refusal: The resource is not one of Azure's audiences for models.
        """
        if resource.rstrip("/") not in _KNOWN:
            text = f"unknown resource {resource[:100]}; there are: {', '.join(sorted(_KNOWN))}"
            raise Refusal(400, {"error": {"code": "invalid_resource", "message": text}})
        expires = int(time.time()) + _LIFETIME
        claims = {"aud": resource, "exp": expires, "iss": "azure-inference-local"}
        unsigned = f"{_encode({'alg': 'HS256', 'typ': 'JWT'})}.{_encode(claims)}"
        return {
            "access_token": f"{unsigned}.{self._signature(unsigned)}",
            "expires_on": str(expires),
            "resource": resource,
            "token_type": "Bearer",
        }

    def _signature(self, text: str) -> str:
        return _base64(hmac.new(self._signing, text.encode(), hashlib.sha256).digest())

    def _audience(self, token: str) -> str | None:
        """Return whom a token of ours is for; `None` if it is not ours or has expired."""
        unsigned, _, signature = token.rpartition(".")
        if not hmac.compare_digest(signature.encode(), self._signature(unsigned).encode()):
            return None
        claims = json.loads(base64.urlsafe_b64decode(unsigned.partition(".")[2] + "=="))
        return str(claims["aud"]) if claims["exp"] > time.time() else None


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _encode(value: dict[str, Any]) -> str:
    return _base64(json.dumps(value).encode())
