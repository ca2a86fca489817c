"""What an endpoint's URL says about the dialect it speaks. Pure.

Hosts, versions and scopes are those Microsoft documents for each kind of deployment (the Azure AI model
inference reference, the Azure OpenAI reference, and the guide for moving to ``/openai/v1``).
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import quote, unquote, urlsplit

from azure_inference_core.errors import ConfigurationError

_ML_SCOPE = "https://ml.azure.com/.default"
_COGNITIVE_SCOPE = "https://cognitiveservices.azure.com/.default"
_AI_SCOPE = "https://ai.azure.com/.default"
_ROUTES = re.compile(r"/(chat/completions|completions|images/embeddings|embeddings|info)$")
_DEPLOYMENT = re.compile(r"/openai/deployments/[^/]+$")
_OPENAI_HOSTS = (".openai.azure.com", ".cognitiveservices.azure.com")
_EXAMPLE = "write it like https://<name>.<region>.models.ai.azure.com"


@dataclass(frozen=True, slots=True)
class Dialect:
    """How one kind of endpoint speaks the API.

    >>> dialect = parse_endpoint("https://my.openai.azure.com/openai/v1", None).dialect
    >>> dialect.name, dialect.has_info, dialect.stream_usage
    ('openai-v1', False, 'stream_options')

    Attributes:
        name: ``"serverless"`` (also managed online), ``"foundry"``, ``"azure-openai"`` or ``"openai-v1"``.
        api_version: The ``api-version`` to send; empty for none.
        scope: The Entra ID scope of a token for it.
        has_extras_header: Whether it knows the ``extra-parameters`` header.
        stream_usage: ``"always"``, or ``"stream_options"`` when usage must be asked for.
        has_info: Whether it has the ``/info`` route.
    """

    name: str
    api_version: str
    scope: str
    has_extras_header: bool
    stream_usage: str
    has_info: bool


DIALECTS = {
    dialect.name: dialect
    for dialect in (
        Dialect("serverless", "2024-05-01-preview", _ML_SCOPE, True, "always", True),
        Dialect("foundry", "2024-05-01-preview", _COGNITIVE_SCOPE, True, "always", False),
        Dialect("azure-openai", "2024-10-21", _COGNITIVE_SCOPE, False, "stream_options", False),
        Dialect("openai-v1", "", _AI_SCOPE, False, "stream_options", False),
    )
}


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A checked endpoint.

    Attributes:
        base: Scheme, host, port and path, without a slash at the end.
        host: The host name alone.
        dialect: How it speaks.
    """

    base: str
    host: str
    dialect: Dialect

    @property
    def deployment(self) -> str | None:
        """The deployment that the address names, if it names one."""
        named = _DEPLOYMENT.search(self.base)
        return unquote(named[0].rpartition("/")[2]) if named else None

    def url(self, route: str, api_version: str, deployment: str | None = None) -> str:
        """The URL of a route such as ``/chat/completions``.

        Args:
            route: Starts with a slash.
            api_version: Empty for none.
            deployment: Another deployment than the endpoint's own (Azure OpenAI only).
        """
        base = self.base
        if deployment and self.dialect.name == "azure-openai":
            base = _DEPLOYMENT.sub(lambda _: _deployment_path(deployment), base)
        return f"{base}{route}?api-version={api_version}" if api_version else base + route


def _deployment_path(name: str) -> str:
    """The path of a deployment.

    Raises:
        ConfigurationError: The name is dots, which lead out of their place in a path.
    """
    if not name.strip("."):
        raise ConfigurationError(
            f"model {name[:60]!r} cannot be the name of a deployment; give the deployment's own name"
        )
    return f"/openai/deployments/{quote(name, safe='')}"


def parse_endpoint(
    text: str, model: str | None, *, dialect: str | None = None, allow_insecure: bool = False
) -> Endpoint:
    """Check an endpoint's URL and find its dialect.

    Args:
        text: The URL. A slash or one of the API's routes at its end is taken off.
        model: The deployment's name, used where an Azure OpenAI URL does not hold it.
        dialect: Name of a dialect, to override what the URL says.
        allow_insecure: Whether plain http to another machine is wanted.

    Raises:
        ConfigurationError: The URL cannot be used; the text says what to write. It quotes neither user
            information nor a query, which may hold secrets.
    """
    scheme, host, port, path = _split(text)
    if scheme == "http" and not allow_insecure and not is_loopback(host):
        raise ConfigurationError(
            f"the endpoint's scheme is http, which would send the credential in clear to {host}; "
            "use https, or allow_insecure=True if the network is your own"
        )
    path = _ROUTES.sub("", path.rstrip("/")).rstrip("/")
    path = _complete_path(host, path, model)
    name = dialect or _dialect_of(path)
    if name not in DIALECTS:
        raise ConfigurationError(f"dialect must be one of {', '.join(DIALECTS)}, not {name!r}")
    netloc = f"[{host}]" if ":" in host else host
    return Endpoint(f"{scheme}://{netloc}{port}{path}", host, DIALECTS[name])


def _split(text: str) -> tuple[str, str, str, str]:
    if not isinstance(text, str):
        raise ConfigurationError(f"endpoint must be a string, not a value of type {type(text).__name__}")
    text = text.strip()
    if not text:
        raise ConfigurationError(f"the endpoint is empty; {_EXAMPLE}")
    if not text.isprintable() or " " in text:
        raise ConfigurationError("the endpoint has white space or a control character in it")
    try:
        parts = urlsplit(text)
        port = f":{parts.port}" if parts.port is not None else ""
        host = (parts.hostname or "").encode("idna").decode() if not text.isascii() else parts.hostname or ""
    except (ValueError, UnicodeError):
        raise ConfigurationError(f"the endpoint is not a URL; {_EXAMPLE}") from None
    if parts.scheme not in ("https", "http") or "://" not in text:
        raise ConfigurationError(f"the endpoint must begin with https://; {_EXAMPLE}")
    if parts.username is not None or parts.password is not None:
        raise ConfigurationError("the endpoint has user information in it; pass the key as credential=")
    if parts.query or "?" in text:
        raise ConfigurationError(
            "the endpoint has a query in it; leave it off and pass api-version as api_version="
        )
    if parts.fragment or "#" in text:
        raise ConfigurationError("the endpoint has a fragment (#...) in it; leave it off")
    if not host:
        raise ConfigurationError(f"the endpoint has no host; {_EXAMPLE}")
    return parts.scheme, host, port, parts.path


def _complete_path(host: str, path: str, model: str | None) -> str:
    if host.endswith(".services.ai.azure.com") and (not path or path.startswith("/api/projects")):
        raise ConfigurationError(
            f"{host} needs a path: write https://{host}/openai/v1, or https://{host}/models where that "
            "route still answers"
        )
    if host.endswith(_OPENAI_HOSTS) and path in ("", "/openai", "/openai/deployments"):
        if not model:
            raise ConfigurationError(
                f"{host} needs a deployment: pass model='<deployment>', or write "
                f"https://{host}/openai/deployments/<deployment> or https://{host}/openai/v1"
            )
        return _deployment_path(model)
    if path.endswith("/score"):
        raise ConfigurationError(
            "/score is the legacy contract of managed endpoints; leave it off the endpoint"
        )
    return path


def _dialect_of(path: str) -> str:
    if _DEPLOYMENT.search(path):
        return "azure-openai"
    if path.endswith("/v1"):
        return "openai-v1"
    return "foundry" if path.endswith("/models") else "serverless"


def is_loopback(host: str) -> bool:
    """Whether a host is this machine itself."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
