"""What all schemas share: the deployment they are checked for, names, closed sets, and keys that are let through."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo
from pydantic_core import PydanticKnownError

from azure_inference_local.dialects.families import LOCAL, Family

_INT64 = 2**63

PLAIN_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
PlainName = Annotated[str, Field(json_schema_extra={"pattern": "^[a-zA-Z0-9_-]{1,64}$"})]
Seed = Annotated[int, Field(ge=-_INT64, lt=_INT64)]


def family_of(info: ValidationInfo) -> Family:
    """Return the deployment a request is validated for."""
    return info.context if isinstance(info.context, Family) else LOCAL


def expect(value: str | None, allowed: tuple[str, ...]) -> None:
    """Refuse a value outside a closed set in pydantic's words."""
    if value is not None and value not in allowed:
        *head, last = (f"'{item}'" for item in allowed)
        expected = f"{', '.join(head)} or {last}" if head else last
        raise PydanticKnownError("enum", {"expected": expected})


class PermissiveModel(BaseModel):
    """Base of the models inside a request: keys they do not know are let through, as on the service."""

    model_config = ConfigDict(extra="allow")
