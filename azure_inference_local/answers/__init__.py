"""From what an engine gives to the answers of the API: shapes, streams, vectors."""
