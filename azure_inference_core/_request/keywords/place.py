"""The address and the model of a deployment, from the words that the classes for Azure OpenAI have for them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlsplit

from azure_inference_core.errors import ConfigurationError
from azure_inference_core.families import family_of

DEPLOYMENTS = ("azure_deployment", "deployment_name", "deployment", "deployment_id", "engine")
_PATH = "/openai/deployments/"
_ML_HOST = ".inference.ml.azure.com"


def placed(
    found: Mapping[str, Any], kind: str, azure_endpoint: str | None = None, deployment: str | None = None
) -> dict[str, Any]:
    """The fields that an ``azure_endpoint`` and a deployment mean.

    >>> placed({"model": "gpt-4o"}, "chat", "https://my.openai.azure.com", "prod")
    {'endpoint': 'https://my.openai.azure.com/openai/deployments/prod'}
    >>> placed({"model": "gpt-4o", "endpoint": "https://a.example/v1"}, "chat", deployment="prod")
    {'endpoint': 'https://a.example/v1', 'model': 'prod', 'family': 'gpt-4o'}

    Args:
        found: The fields as they are given beside them.
        kind: What the class does.
        azure_endpoint: A resource, below which deployments have their addresses.
        deployment: The deployment.

    Raises:
        ConfigurationError: Another endpoint is given too.
    """
    model, endpoint = found.get("model", found.get("model_name")), found.get("endpoint")
    if azure_endpoint is not None:
        if endpoint is not None and _host(endpoint) != _host(azure_endpoint):
            raise ConfigurationError(
                "the endpoint is given twice, as azure_endpoint too, with two hosts; keep one"
            )
        endpoint = _with_deployment(azure_endpoint, deployment or model, is_resource=True)
    elif endpoint is not None and deployment is not None:
        endpoint = _with_deployment(endpoint, deployment)
    meant = {} if endpoint is None else {"endpoint": endpoint}
    if deployment is None or _PATH in str(endpoint):
        return meant
    if _host(endpoint).endswith(_ML_HOST):
        return {**meant, "default_headers": {"azureml-model-deployment": deployment}}
    meant["model"] = deployment
    is_label = model not in (None, deployment) and "family" not in found
    if is_label and family_of(model, embeddings=kind == "embeddings").name:
        meant["family"] = model  # what stands beside the deployment tells what it is
    return meant


def _with_deployment(address: Any, name: str | None, *, is_resource: bool = False) -> Any:
    """An address with a deployment's name in it, as OpenAI's clients for Azure make it; what follows the name stays."""
    if name is None or not isinstance(address, str):
        return address
    if not name.strip("."):
        raise ConfigurationError(
            f"{name[:60]!r} cannot be the name of a deployment; give the deployment's own name"
        )
    base, mark, query = address.strip().partition("?")
    root, path, rest = base.partition(_PATH)
    if path:
        rest = "".join(rest.partition("/")[1:])
        base = f"{root}{_PATH}{quote(name, safe='')}{rest}"
    elif is_resource and not base.rstrip("/").endswith("/v1"):
        root = base.rstrip("/").removesuffix("/deployments").removesuffix("/openai")
        base = f"{root}{_PATH}{quote(name, safe='')}"
    return base + mark + query


def _host(address: Any) -> str:
    try:
        return urlsplit(address).hostname or "" if isinstance(address, str) else ""
    except ValueError:  # it is checked, and told of, where it is used
        return ""
