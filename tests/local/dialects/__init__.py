"""Tests of what a deployment is like."""
