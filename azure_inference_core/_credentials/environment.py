"""Which endpoint and key the environment's variables give, and to which hosts that key may go."""

from __future__ import annotations

import os
from urllib.parse import urlsplit

from azure_inference_core._endpoint import azure_kind, is_loopback
from azure_inference_core.errors import ConfigurationError

_VARIABLES = {
    "AZURE_INFERENCE_ENDPOINT": "AZURE_INFERENCE_CREDENTIAL",
    "AZUREAI_ENDPOINT_URL": "AZUREAI_ENDPOINT_KEY",
    "AZURE_AI_INFERENCE_ENDPOINT": "AZURE_AI_INFERENCE_CREDENTIAL",
    "AZURE_OPENAI_ENDPOINT": "AZURE_OPENAI_API_KEY",
}
"""Where an endpoint is looked for, in this order, and the key that belongs to it."""

OPENAI_ENDPOINT = "AZURE_OPENAI_ENDPOINT"


def endpoint_variable() -> str:
    """The variable that holds the endpoint.

    Raises:
        ConfigurationError: None does.
    """
    for name in _VARIABLES:
        if os.environ.get(name):
            return name
    raise ConfigurationError(
        "no endpoint: pass endpoint='https://...', or set AZURE_INFERENCE_ENDPOINT (and AZURE_INFERENCE_CREDENTIAL)"
    )


def key_from_environment(host: str, variable: str | None, *, had_one: bool = False) -> str | None:
    """The key for a host: of the pair of variables that gave the endpoint, or that names the host and no other.

    Else, for a host of Azure or of this machine, the first; that of Azure OpenAI only for its own resource. For what
    had a key in another process (``had_one``), one that no variable says to be another host's.
    """
    named = [variable] if variable else [name for name in _VARIABLES if _names(name, host)]
    if not named and (azure_kind(host)[1] or is_loopback(host)):
        named = [name for name in _VARIABLES if name != OPENAI_ENDPOINT]
        if azure_kind(host)[0] in ("openai", "foundry") and OPENAI_ENDPOINT not in os.environ:
            named.append(OPENAI_ENDPOINT)
    elif not named and had_one:
        named = [name for name in _VARIABLES if name != OPENAI_ENDPOINT and not os.environ.get(name)]
    return next((key for name in named if (key := os.environ.get(_VARIABLES[name]))), None)


def _names(variable: str, host: str) -> bool:
    """Whether a variable holds an address at this host, or at another host of the same resource."""
    try:
        other = (urlsplit(os.environ.get(variable, "").strip()).hostname or "").removesuffix(".")
    except ValueError:
        return False
    if other == host:
        return True
    kinds = [azure_kind(one)[0] for one in (host, other)]
    clouds = [azure_kind(one)[1] for one in (host, other)]
    is_resource = all(kind in ("openai", "foundry") for kind in kinds) and len(set(clouds)) == 1
    return is_resource and host.partition(".")[0] == other.partition(".")[0]


def beside(host: str) -> str:
    """What else to set for a key of the environment to go to a host."""
    if azure_kind(host)[1] or is_loopback(host):
        return ""
    return f", beside an AZURE_INFERENCE_ENDPOINT at {host}"


def why_alone(kind: str | None, host: str) -> str:
    """Why an object that was copied to another process has nothing to ask with there, and what to do."""
    what = "its key" if kind is None else f"its credential, since a {kind} cannot be pickled"
    return (
        f"this object was copied to another process without {what}; set AZURE_INFERENCE_CREDENTIAL there{beside(host)} "
        '(on Ray runtime_env={"env_vars": {...}}, on Spark spark.executorEnv.AZURE_INFERENCE_CREDENTIAL), or make the object '
        "in the worker. The worker processes of multiprocessing, concurrent.futures and IngestionPipeline are given keys"
    )
