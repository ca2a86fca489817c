"""Calls on their way: life, attempts, streams."""
