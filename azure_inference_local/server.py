"""Starting and stopping the endpoint."""

from __future__ import annotations

import contextlib
import logging
import socket
import ssl
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from azure_inference_local.dialects.auth import Auth, new_key
from azure_inference_local.dialects.families import select
from azure_inference_local.dialects.faults import FaultInjector, Faults
from azure_inference_local.engines.lazy import Engines
from azure_inference_local.engines.workers import Workers
from azure_inference_local.options import Options, Safety, engines_of, is_loopback, safety_of

if TYPE_CHECKING:
    import uvicorn

logger = logging.getLogger("azure_inference_local")

_START = 30.0


class Endpoint:
    """A running endpoint; leaving its context stops it.

    ```python
    with serve(families=["mistral-large", "azure-openai"]) as endpoint:
        print(endpoint.url_of("mistral-large"))  # one family, as it is deployed by itself
        print(endpoint.models_url, endpoint.openai_v1_url)  # all of them, chosen by `model`
        print(endpoint.deployment_url("azure-openai"))

    endpoint = serve()  # without `with`: from here ...
    endpoint.stop()  # ... to here
    endpoint.start()  # again, at a new port
    endpoint.stop()
    ```

    Attributes:
        url: The base URL. It answers every route with the default models; `model` in a body chooses another.
        key: The key.
        ca_bundle: Path of the CA certificate to trust, with `tls`; otherwise `None`.
        families: Names of the deployments.
        identity: The environment variables with which an unmodified `DefaultAzureCredential` gets its tokens here.
    """

    def __init__(self, options: Options) -> None:
        self.key = options.key or new_key()
        self.ca_bundle: str | None = None
        self._options = options
        self._auth = Auth(self.key)
        self._chosen = select(
            options.families if isinstance(options.families, str) else tuple(options.families or ())
        )
        self.families = tuple(self._chosen)
        self._engines = options.engines or engines_of(options)
        self._workers = Workers(options.max_connections)
        self._stack = contextlib.ExitStack()
        self._servers: list[tuple[uvicorn.Server, threading.Thread]] = []
        self.url = ""
        self.identity: dict[str, str] = {}

    def __repr__(self) -> str:
        """Return a text without the key."""
        return f"Endpoint({self.url!r})"

    def url_of(self, family: str) -> str:
        """Return the base URL of one family: `<url>/<family>`."""
        if family not in self._chosen:
            raise ValueError(f"{family!r} is not served here; there are: {', '.join(self._chosen)}")
        return f"{self.url}/{family}"

    @property
    def models_url(self) -> str:
        """The base URL of the Foundry dialect; `model` chooses the deployment."""
        return f"{self.url}/models"

    @property
    def openai_v1_url(self) -> str:
        """The base URL of the OpenAI v1 dialect; `model` chooses the deployment."""
        return f"{self.url}/openai/v1"

    def deployment_url(self, name: str) -> str:
        """Return the base URL of a deployment in the Azure OpenAI dialect."""
        return f"{self.url}/openai/deployments/{name}"

    def start(self) -> Self:
        """Start to answer; returns when the socket accepts requests."""
        with contextlib.ExitStack() as stack:
            stack.callback(self.stop)
            context = self._certify() if self._options.tls else None
            listener = _listen(self._options.host, self._options.port)
            port = listener.getsockname()[1]
            shown = f"[{self._options.host}]" if ":" in self._options.host else self._options.host
            self.url = f"{'https' if context else 'http'}://{shown}:{port}"
            app = self._application()
            self._run(app, listener, context)
            identity = self.url
            if (
                context is not None
            ):  # azure-identity knows nothing of our CA, so tokens are fetched over loopback http
                plain = _listen("127.0.0.1", 0)
                identity = f"http://127.0.0.1:{plain.getsockname()[1]}"
                self._run(app, plain, None)
            self.identity = {
                "IDENTITY_ENDPOINT": f"{identity}/msi/token",
                "IDENTITY_HEADER": self._auth.identity_header,
            }
            stack.pop_all()
        return self

    def stop(self) -> None:
        """Stop: running answers get the time of `grace` to end; every thread has left when this returns."""
        for server, _ in self._servers:
            server.should_exit = True
        for _, thread in self._servers:
            thread.join()
        self._servers.clear()
        self._workers.close()
        self._engines.close()
        self._stack.close()

    def __enter__(self) -> Self:
        """Start if that has not happened, and return the endpoint."""
        return self if self._servers else self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop."""
        self.stop()

    def _application(self) -> Callable[..., object]:
        """Return the ASGI application, whose imports are paid for here and not by `import azure_inference_local`."""
        from azure_inference_local.api.context import Limits  # noqa: PLC0415 - FastAPI is only imported by those who serve
        from azure_inference_local.api.handlers import Handlers  # noqa: PLC0415 - as above
        from azure_inference_local.api.middleware import LOOPBACK, Guard  # noqa: PLC0415 - as above
        from azure_inference_local.api.routes import build  # noqa: PLC0415 - as above

        options = self._options
        handlers = Handlers(
            families=self._chosen,
            engines=self._engines,
            workers=self._workers,
            auth=self._auth,
            faults=FaultInjector(options.faults, header=options.fault_header),
            safety=safety_of(options.content_safety, self._chosen),
            limits=Limits(options.max_body, options.idle_timeout),
        )
        hosts = LOOPBACK if is_loopback(options.host) else None
        return Guard(build(handlers, gateway=options.gateway_424), hosts)

    def _certify(self) -> ssl.SSLContext:
        """Make a certificate authority and a certificate for loopback, valid for this run only."""
        import trustme  # noqa: PLC0415 - only needed with tls

        authority = trustme.CA()
        folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="azure-inference-local-")))
        bundle = folder / "ca.pem"
        authority.cert_pem.write_to_path(str(bundle))
        self.ca_bundle = str(bundle)
        names = {"localhost", "127.0.0.1", "::1", self._options.host} - {"0.0.0.0", "::"}  # noqa: S104 - a comparison
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        authority.issue_cert(*sorted(names)).configure_cert(context)
        return context

    def _run(
        self, app: Callable[..., object], listener: socket.socket, context: ssl.SSLContext | None
    ) -> None:
        """Serve the application on a socket in a thread of its own."""
        import uvicorn  # noqa: PLC0415 - only imported by those who serve

        from azure_inference_local.api.connections import PatientServer, TimedProtocol  # noqa: PLC0415 - as above

        options = self._options
        config = uvicorn.Config(
            app,
            loop="asyncio",
            http=TimedProtocol,
            ws="none",
            lifespan="off",
            log_config=None,
            log_level="critical",
            access_log=False,
            server_header=False,
            proxy_headers=False,
            limit_concurrency=options.max_connections + 1,
            timeout_keep_alive=max(1, round(options.idle_timeout)),
            timeout_graceful_shutdown=max(1, round(options.grace)),
            ssl_context_factory=(lambda *_: context) if context else None,
        )
        server = PatientServer(config)
        thread = threading.Thread(
            target=server.run, args=([listener],), name="azure-inference-local-server", daemon=True
        )
        thread.start()
        self._servers.append((server, thread))
        deadline = time.monotonic() + _START
        while not server.started:
            if not thread.is_alive() or time.monotonic() > deadline:
                raise RuntimeError("the endpoint did not start; the log says why")
            time.sleep(0.005)


def _listen(host: str, port: int) -> socket.socket:
    """Return a listening socket, so that a busy port is an error here and requests wait from now on."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=512)


def serve_options(options: Options) -> Endpoint:
    """Start an endpoint from a set of options; `serve` is the same with keywords."""
    return Endpoint(options).start()


def serve(
    port: int = 0,
    key: str | None = None,
    families: Sequence[str] | str | None = None,
    *,
    tls: bool = False,
    host: str = "127.0.0.1",
    model: str | None = None,
    engine_url: str | None = None,
    engine_key: str | None = None,
    embedding_url: str | None = None,
    embedding_model: str | None = None,
    clip: tuple[str, str] | None = None,
    engines: Engines | None = None,
    content_safety: Safety = True,
    faults: Faults | str | None = None,
    fault_header: bool = False,
    gateway_424: bool = False,
    max_connections: int = 64,
    max_body: int = 10 << 20,
    idle_timeout: float = 30.0,
    grace: float = 1.0,
) -> Endpoint:
    """Start an endpoint on loopback; use it in a `with` statement, or call `stop()`.

    ```python
    import urllib.request

    with serve(families="cohere-embed-v3", faults="rate=0.1, status=503") as endpoint:
        print(urllib.request.urlopen(endpoint.url).read())  # b'"healthy"'
    ```

    Args:
        port: The port; 0 takes a free one.
        key: The key clients have to send; a random one of 256 bits by default.
        families: Families to serve beside the default deployment `local`: names, or `"all"`.
        tls: Serve https with a certificate authority made for this run (`Endpoint.ca_bundle`).
        host: The address to listen on. Anything but loopback demands a key of your own.
        model: The chat model: a name of the catalogue or the path of a GGUF file; with `engine_url` the name to
            ask that server for.
        engine_url: Base URL of an OpenAI-compatible server that writes instead of the embedded model, and embeds
            texts if it can.
        engine_key: The key of that server, and of `embedding_url`.
        embedding_url: Base URL of a server for text embeddings alone.
        embedding_model: The name to ask `embedding_url`, or else `engine_url`, for.
        clip: Paths of the image and the text encoder of a CLIP model (ONNX, `tokenizer.json` beside the text
            encoder): images and texts then share a space.
        engines: Engines of your own.
        content_safety: `False` for none, a `ContentSafety` for all deployments, or a mapping by deployment. By
            default the rules are on, except on managed deployments, which have none on the service, either.
        faults: Faults on demand, as a `Faults` or its text form (`"status=429, rate=0.1"`).
        fault_header: Whether requests may ask for faults by the header `x-fault`.
        gateway_424: Whether errors of managed deployments become 424, as behind a managed online endpoint.
        max_connections: Connections at once; more are answered 503.
        max_body: Largest body of a request in bytes.
        idle_timeout: Seconds a connection, or the sending of a body, may be silent.
        grace: Seconds running answers get to end when the server stops.

    Returns:
        The running endpoint.

    Raises:
        ValueError: An option makes no sense or is not safe.
        OSError: The port is taken.
    """
    options = Options(
        host=host, port=port, key=key, families=families, tls=tls, engines=engines, model=model,
        engine_url=engine_url, engine_key=engine_key, embedding_url=embedding_url,
        embedding_model=embedding_model, clip=clip, content_safety=content_safety,
        faults=Faults.parse(faults) if isinstance(faults, str) else faults, fault_header=fault_header,
        gateway_424=gateway_424, max_connections=max_connections, max_body=max_body,
        idle_timeout=idle_timeout, grace=grace,
    )  # fmt: skip
    return Endpoint(options).start()
