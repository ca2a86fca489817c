"""The endpoint through clients: Microsoft's, OpenAI's, and the two providers."""
