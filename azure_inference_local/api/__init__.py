"""The routes of the API and their work, from a request to its answer."""
