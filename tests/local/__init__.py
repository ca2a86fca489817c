"""Tests of azure_inference_local."""
