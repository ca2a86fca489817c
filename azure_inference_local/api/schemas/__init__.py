"""The bodies of requests as pydantic models: their fields, ranges and faults."""
