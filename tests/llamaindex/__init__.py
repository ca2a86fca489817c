"""Tests of the LlamaIndex provider."""
