"""Sessions of onnxruntime."""

from pathlib import Path
from typing import Any

from azure_inference_local.engines.base import EngineError, missing_extra
from azure_inference_local.engines.cpus import MOST_THREADS, usable_cpus


def onnx_session(path: Path, threads: int | None = None) -> Any:
    """An onnxruntime session on the processor.

    Raises:
        EngineError: The file is missing or no model, or the optional dependency is not installed (503).
    """
    try:
        import onnxruntime  # noqa: PLC0415 - optional dependency, loaded when first used
    except ImportError as error:
        raise missing_extra("onnxruntime") from error
    if not path.is_file():
        raise EngineError(503, "weights_missing", f"There is no model file at {path}.")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads or min(MOST_THREADS, usable_cpus())
    options.log_severity_level = 3
    # Idle threads would otherwise spin and take the processor from the chat model.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's own classes derive from Exception alone
        raise EngineError(503, "weights_unusable", f"onnxruntime cannot load {path.name}.") from error
