"""Execution engines of suites: local worker processes, or actors on Ray."""
