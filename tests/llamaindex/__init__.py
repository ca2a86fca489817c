"""Tests of llamaindex_azure_inference."""
