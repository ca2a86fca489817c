"""Tests of the four packages; one folder a package, and what they share."""
