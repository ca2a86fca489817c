"""What deployments refuse of what this package adds by itself, learned from their refusals.

Deployments differ in ways that no table can hold. A request that is refused for something that the user never asked
for is sent once more without it, and the client remembers it for that model, for as long as it lives.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from typing import Any

from azure_inference_core.errors import InferenceError, InvalidRequestError

_log = logging.getLogger("azure_inference")

RULES = {
    "encoding_format": re.compile(r"encoding[_ ]?format", re.IGNORECASE),
    "input_type": re.compile(r"input[_ ]?type", re.IGNORECASE),
}
"""What may be left out, and how a refusal names it."""


class Habits:
    """What is known of one endpoint's models; shared by threads and event loops."""

    def __init__(self) -> None:
        self._refused: set[tuple[str | None, str]] = set()

    def kept(self, model: str | None, added: Mapping[str, Any]) -> dict[str, Any]:
        """What may be added to a request for a model."""
        return {name: value for name, value in added.items() if (model, name) not in self._refused}

    def learned(self, error: InferenceError, model: str | None, added: Mapping[str, Any]) -> bool:
        """Whether an error refuses something that was added: then the request is worth sending without it."""
        if not added or not isinstance(error, InvalidRequestError):
            return False
        said = " ".join((error.message, *(name for name, _, _ in getattr(error, "parameters", ()))))
        refused = next((name for name in added if RULES[name].search(said)), None)
        if refused is None:
            return False
        if (model, refused) not in self._refused:
            self._refused.add((model, refused))
            _log.warning("%s refuses %s and is asked without it from now on", model or "the model", refused)
        return True
