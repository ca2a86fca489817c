"""Secrets, redirects, images, headers."""
