"""What a deployment is like: the dialect of its base URL, its family, its keys, its content safety, its faults."""

from __future__ import annotations

from azure_inference_local.dialects.azure_openai import AzureOpenAI, OpenAIV1
from azure_inference_local.dialects.base import Dialect
from azure_inference_local.dialects.foundry import Foundry
from azure_inference_local.dialects.managed import Managed

__all__ = ["AZURE_OPENAI", "BY_NAME", "FOUNDRY", "MANAGED", "OPENAI_V1", "SERVERLESS", "Dialect"]

SERVERLESS, MANAGED, FOUNDRY, AZURE_OPENAI, OPENAI_V1 = (
    Dialect(),
    Managed(),
    Foundry(),
    AzureOpenAI(),
    OpenAIV1(),
)
BY_NAME: dict[str, Dialect] = {d.name: d for d in (SERVERLESS, MANAGED, FOUNDRY, AZURE_OPENAI, OPENAI_V1)}
