"""Images: nothing is opened or fetched on behalf of a message's text."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import pytest
from langchain_core.messages import HumanMessage
from llama_index.core.base.llms.types import AudioBlock, ChatMessage, ImageBlock, TextBlock

from azure_inference_core import ConfigurationError, EmbeddingsClient, InferenceError
from tests.support.drive import connect
from tests.support.entry_points import CLASSES, made
from tests.support.scripted_server import ScriptedServer

ChatAzureInference, _, AzureInferenceEmbeddings, AzureInference, _, AzureInferenceEmbedding = CLASSES
HOSTILE = [
    "file:///etc/passwd",
    "/etc/passwd",
    "//169.254.169.254/latest",
    "ftp://example.com/a.png",
    "gopher://x",
    "javascript:alert(1)",
    "",
]
ADDRESSES = [
    "http://169.254.169.254/latest/meta-data",
    "http://127.0.0.1:1/a.png",
    "https://example.com/a.png",
]
"""What a service may fetch, and this process never does."""
PIXEL = "data:image/png;base64,iVBORw0KGgo="


class Watch:
    """Notes what the process opens and resolves while it is on."""

    def __init__(self) -> None:
        self.on = False
        self.seen: list[str] = []
        sys.addaudithook(self.note)

    def note(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Note one event of interest."""
        if self.on and event in ("open", "socket.getaddrinfo", "socket.connect", "urllib.Request"):
            self.seen.append(f"{event} {arguments!r}")


WATCH = Watch()


@pytest.fixture
def watch() -> Iterator[Watch]:
    """What is opened during one test."""
    WATCH.seen.clear()
    WATCH.on = True
    yield WATCH
    WATCH.on = False


def touched(watch: Watch) -> list[str]:
    """Opened or resolved things that a hostile text could have asked for."""
    return [
        line
        for line in watch.seen
        if any(word in line for word in ("passwd", "169.254", "example.com", "127.0.0.1', 1)"))
    ]


@pytest.mark.parametrize("url", [*HOSTILE, *ADDRESSES[:2]])
async def test_the_core_sends_only_https_and_data(server: ScriptedServer, watch: Watch, url: str) -> None:
    """Any other address is refused, sync and async, with nothing opened and nothing sent."""
    async with EmbeddingsClient(connect(server.url)) as client:
        for image in (url, {"image": url}, {"image": url, "text": "x"}):
            with pytest.raises(ConfigurationError) as caught:
                client.embed_images([image])
            with pytest.raises(ConfigurationError):
                await client.aembed_images([PIXEL, image])
    assert touched(watch) == []
    assert server.requests == []
    assert "root:" not in str(caught.value)


@pytest.mark.parametrize("image", [None, 5, b"\x89PNG", {"text": "x"}, {"image": 5}, [PIXEL]], ids=repr)
def test_what_is_no_image_is_refused(server: ScriptedServer, image: Any) -> None:
    """Other types are refused before anything is sent."""
    with EmbeddingsClient(connect(server.url)) as client, pytest.raises((ConfigurationError, TypeError)):
        client.embed_images([image])
    assert server.requests == []


def test_an_https_image_is_not_fetched(server: ScriptedServer, watch: Watch) -> None:
    """The address goes to the service, which fetches it or does not."""
    with EmbeddingsClient(connect(server.url)) as client:
        client.embed_images(["https://example.com/a.png"])
    assert server.last.json["input"] == [{"image": "https://example.com/a.png"}]
    assert touched(watch) == []


@pytest.mark.parametrize("url", HOSTILE)
def test_langchain_messages_open_nothing(server: ScriptedServer, watch: Watch, url: str) -> None:
    """A deserialised message with a hostile address is refused."""
    model = made(ChatAzureInference, server.url)
    for part in ({"type": "image_url", "image_url": {"url": url}}, {"type": "image", "url": url}):
        with pytest.raises(InferenceError):
            model.invoke([HumanMessage([{"type": "text", "text": "look"}, part])])
    model.close()
    assert touched(watch) == []
    assert server.requests == []


@pytest.mark.parametrize("url", ADDRESSES)
def test_addresses_are_not_fetched(server: ScriptedServer, watch: Watch, url: str) -> None:
    """The address of an image goes to the service as it is, from either framework, and nothing is fetched here."""
    part = {"type": "image_url", "image_url": {"url": url}}
    with made(ChatAzureInference, server.url) as model:
        model.invoke([HumanMessage([part])])
    assert server.last.json["messages"][0]["content"] == [part]
    with made(AzureInference, server.url) as llm:
        llm.chat([ChatMessage(role="user", blocks=[ImageBlock(url=url)])])
    assert server.last.json["messages"][0]["content"] == [part]
    assert touched(watch) == []


@pytest.mark.parametrize("url", [url for url in HOSTILE if url])
def test_llamaindex_messages_open_nothing(server: ScriptedServer, watch: Watch, url: str) -> None:
    """A block with a hostile address, as address or as path, is refused."""
    model = made(AzureInference, server.url)
    blocks = [ImageBlock.model_construct(url=url)]
    if not url.startswith("/"):
        blocks.append(ImageBlock(url=url))
    for block in blocks:
        with pytest.raises(InferenceError):
            model.chat([ChatMessage(role="user", blocks=[TextBlock(text="look"), block])])
    model.close()
    assert touched(watch) == []
    assert server.requests == []


@pytest.mark.parametrize(
    "block",
    [
        ImageBlock(path="/etc/passwd"),
        ImageBlock(path="/etc/passwd", image_mimetype="image/png"),
        AudioBlock(path="/etc/passwd"),
        AudioBlock(path="/etc/passwd", format="wav"),
    ],
    ids=["image", "called an image", "audio", "called audio"],
)
def test_a_llamaindex_path_that_is_no_media_is_not_sent(server: ScriptedServer, block: Any) -> None:
    """A block that names a local file of another kind never reaches the wire, nor do its bytes an error."""
    model = made(AzureInference, server.url)
    with pytest.raises(InferenceError) as caught:
        model.chat([ChatMessage(role="user", blocks=[block])])
    assert "root:" not in str(caught.value)
    model.close()
    assert server.requests == []


@pytest.mark.parametrize(
    "kind", [AzureInferenceEmbeddings, AzureInferenceEmbedding], ids=lambda kind: kind.__name__
)
@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "http://169.254.169.254/x", "ftp://example.com/a.png", "/etc/passwd"]
)
def test_image_embeddings_fetch_nothing_and_send_no_other_file(
    server: ScriptedServer, watch: Watch, kind: type[Any], url: str
) -> None:
    """No address is fetched; a file that is no image is not sent, and its content is in no error."""
    thing = made(kind, server.url)
    call = thing.embed_image if hasattr(thing, "embed_image") else thing.get_image_embedding_batch
    with pytest.raises(Exception, match=r"(?s).") as caught:
        call([url])
    thing.close()
    assert "root:" not in str(caught.value)
    assert [line for line in touched(watch) if "passwd" not in line] == []
    assert server.requests == []
