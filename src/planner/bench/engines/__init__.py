"""Execution engines of suites: local worker processes, or actors on a Ray cluster, behind one Protocol."""
