"""Bytes over the network: the SDK's pipeline and the two HTTP transports under it."""
