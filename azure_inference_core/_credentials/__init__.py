"""What gives a request its credential: keys, tokens, and what the environment holds."""
