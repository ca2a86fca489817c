"""Tests of the routes and their work."""
