"""Faults on every public entry point."""
