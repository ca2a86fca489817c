"""Bytes in, values out. Pure."""
