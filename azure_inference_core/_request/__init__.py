"""Keywords in, bytes out. Pure."""
