"""Tests of azure_inference_core."""
