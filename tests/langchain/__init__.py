"""Tests of langchain_azure_inference."""
