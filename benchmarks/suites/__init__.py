"""Suites that reproduce published settings, and the tables of the docs made from their rows."""
