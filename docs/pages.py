"""What the reference has a page of."""

PACKAGES = (
    "langchain_azure_inference",
    "llamaindex_azure_inference",
    "azure_inference_core",
    "azure_inference_local",
)
MODULES = (
    "azure_inference_core.families",
    "azure_inference_core.testing",
    "azure_inference_local.engines",
    "azure_inference_local.pytest_plugin",
    "azure_inference_local.weights",
)
"""Public modules beside the names that the packages themselves give."""
