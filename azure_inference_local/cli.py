"""The commands of `python -m azure_inference_local`."""

from __future__ import annotations

import argparse
import logging
import signal
import sys
import threading
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version

from azure_inference_local import weights
from azure_inference_local.dialects.families import FAMILIES
from azure_inference_local.dialects.faults import Faults
from azure_inference_local.dialects.safety import SEVERITIES, ContentSafety
from azure_inference_local.options import Options
from azure_inference_local.server import Endpoint, serve_options

_SNIPPET = """
Try it in another terminal:

    export AZURE_INFERENCE_ENDPOINT={url}
    export AZURE_INFERENCE_CREDENTIAL={key}

    # LangChain
    from langchain_azure_inference import ChatAzureInference
    print(ChatAzureInference({extra}).invoke("Say hello.").content)

    # LlamaIndex
    from llamaindex_azure_inference import AzureInference
    print(AzureInference({extra}).complete("Say hello."))
"""

_EXAMPLES = """examples:
  python -m azure_inference_local serve
      the default models on a free port, with a random key
  python -m azure_inference_local serve --port 8080 --key my-own-key --family mistral-large --family azure-openai
      two families beside the default; each has its own base URL, such as http://127.0.0.1:8080/mistral-large
  python -m azure_inference_local serve --engine http://localhost:11434/v1
      the same endpoint in front of Ollama, vLLM or llama.cpp's server
  python -m azure_inference_local serve --fault "status=429, rate=0.2, retry-after=2"
      every fifth request is answered 429
"""


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    whole = argparse.ArgumentParser(
        prog="python -m azure_inference_local",
        description="The Azure AI model inference API on your own machine, with real small models: no account, no cloud.",
    )
    try:
        whole.add_argument("--version", action="version", version=version("azure-inference-integrations"))
    except PackageNotFoundError:  # run from a source tree that was never installed
        whole.add_argument("--version", action="version", version="unknown")
    commands = whole.add_subparsers(dest="command", required=True, metavar="command")
    _serve_parser(
        commands.add_parser(
            "serve",
            help="start the endpoint",
            description="Start the endpoint and print its URL, its key and a snippet to copy. Ctrl-C stops it.",
            epilog=_EXAMPLES,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
    )
    models = commands.add_parser("models", help="list the models that can be had, or fetch one")
    actions = models.add_subparsers(dest="action", metavar="action")
    pull = actions.add_parser("pull", help="fetch a model once; from then on it works offline")
    pull.add_argument("name", help="a name that `models` lists")
    return whole


def _serve_parser(serving: argparse.ArgumentParser) -> None:
    """Add the options of `serve`."""
    add = serving.add_argument
    add(
        "--host",
        default="127.0.0.1",
        help="address to listen on; anything but this machine needs --key (default: %(default)s)",
    )
    add("--port", type=int, default=0, help="port to listen on (default: a free one)")
    add("--key", help="the key clients have to send (default: a new random one at each start)")
    add(
        "--tls",
        action="store_true",
        help="serve https with a certificate made for this run, for Entra ID tokens",
    )
    add(
        "--family", action="append", default=[], metavar="NAME", choices=[*FAMILIES, "all"],
        help=f"also stand for this model family; may be repeated. One of: {', '.join(FAMILIES)}, all",
    )  # fmt: skip
    _engine_options(serving)
    add(
        "--safety", default="medium", choices=["off", *list(SEVERITIES)[1:]],
        help="severity from which content safety blocks (default: %(default)s)",
    )  # fmt: skip
    add(
        "--fault", metavar="SPEC",
        help='let requests fail on purpose: "name=value, ..." with the names '
        + ", ".join(sorted(Faults.__dataclass_fields__)).replace("_", "-"),
    )  # fmt: skip
    add("--fault-header", action="store_true", help="obey the request header x-fault, in the form of --fault")
    add(
        "--gateway-424",
        action="store_true",
        help="turn errors of managed deployments into 424, as their gateway does",
    )
    add("--max-connections", type=int, default=64, help="connections at once (default: %(default)s)")
    add("--quiet", action="store_true", help="do not log requests")


def _engine_options(serving: argparse.ArgumentParser) -> None:
    """Add the options that say what answers."""
    add = serving.add_argument
    add(
        "--model",
        metavar="NAME|PATH",
        help="chat model: a name that `models` lists, or a GGUF file (default: the best there is)",
    )
    add(
        "--engine",
        metavar="URL",
        help="base URL of an OpenAI-compatible server that writes instead of the embedded model, and embeds if it can",
    )
    add("--engine-key", metavar="KEY", help="key of that server")
    add("--embedding-engine", metavar="URL", help="base URL of a server for text embeddings alone")
    add("--embedding-model", metavar="NAME", help="name to ask that server, or else the engine, for")
    add(
        "--clip",
        nargs=2,
        metavar=("IMAGE.onnx", "TEXT.onnx"),
        help="a CLIP pair, so that images and texts share a space; tokenizer.json lies beside the text encoder",
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit status."""
    chosen = parser().parse_args(arguments)
    if chosen.command == "models":
        return _pull(chosen.name) if chosen.action == "pull" else _list()
    return _serve(chosen)


def _list() -> int:
    """Print the catalogue."""
    for model in weights.list_models():
        state = "here" if model.cached else f"{model.size / 1e6:.0f} MB to fetch"
        print(f"{model.name:22} {model.kind:10} {state:18} {model.title} ({model.licence}): {model.note}")  # noqa: T201 - the command's output
    return 0


def _pull(name: str) -> int:
    """Fetch one model and show how far it is."""
    shown = -1

    def progress(text: str, done: int, total: int) -> None:
        nonlocal shown
        percent = 100 * done // total if total else 0
        if percent != shown:
            shown = percent
            print(f"\r{text}: {percent:3d} %", end="", flush=True, file=sys.stderr)  # noqa: T201 - as above

    try:
        path = weights.pull(name, progress)
    except (ValueError, weights.PullError) as error:
        print(f"\n{error}" if shown >= 0 else str(error), file=sys.stderr)  # noqa: T201 - as above
        return 1
    if shown >= 0:
        print(file=sys.stderr)  # noqa: T201 - as above
    print(path)  # noqa: T201 - as above
    return 0


def _serve(chosen: argparse.Namespace) -> int:
    """Serve until a signal asks to stop."""
    logging.basicConfig(format="%(asctime)s %(message)s", datefmt="%H:%M:%S", stream=sys.stderr)
    logging.getLogger("azure_inference_local").setLevel(logging.INFO)
    logging.getLogger("azure_inference_local.requests").setLevel(
        logging.WARNING if chosen.quiet else logging.INFO
    )
    asked = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: asked.set())
    try:
        endpoint = serve_options(_options(chosen))
    except (ValueError, OSError) as error:
        print(f"cannot serve: {error}", file=sys.stderr)  # noqa: T201 - as above
        return 1
    with endpoint:
        print(_welcome(endpoint), flush=True)  # noqa: T201 - as above
        while not asked.wait(
            0.5
        ):  # a wait without end would keep the signal's handler from running on Windows
            pass
        print("stopping ...", file=sys.stderr)  # noqa: T201 - as above
    return 0


def _options(chosen: argparse.Namespace) -> Options:
    """Return the server's options from those of the command line."""
    return Options(
        host=chosen.host,
        port=chosen.port,
        key=chosen.key,
        families=chosen.family,
        tls=chosen.tls,
        model=chosen.model,
        engine_url=chosen.engine,
        engine_key=chosen.engine_key,
        embedding_url=chosen.embedding_engine,
        embedding_model=chosen.embedding_model,
        clip=tuple(chosen.clip) if chosen.clip else None,
        content_safety=False if chosen.safety == "off" else ContentSafety(threshold=chosen.safety),
        faults=Faults.parse(chosen.fault) if chosen.fault else None,
        fault_header=chosen.fault_header,
        gateway_424=chosen.gateway_424,
        max_connections=chosen.max_connections,
        grace=10.0,
    )


def _welcome(endpoint: Endpoint) -> str:
    """Return what is printed when the endpoint is ready."""
    lines = [f"Ready at {endpoint.url}", f"Key      {endpoint.key}"]
    extra = ""
    if endpoint.ca_bundle:
        lines.append(f"CA       {endpoint.ca_bundle}")
        lines += [f"         {name}={value}" for name, value in endpoint.identity.items()]
        extra = f'ca_bundle="{endpoint.ca_bundle}"'
    lines += [f"Family   {endpoint.url_of(name)}" for name in endpoint.families if name in FAMILIES]
    lines.append(f"API      {endpoint.url}/docs")
    return "\n".join(lines) + "\n" + _SNIPPET.format(url=endpoint.url, key=endpoint.key, extra=extra)
