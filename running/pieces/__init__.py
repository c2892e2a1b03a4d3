"""Splitting of a network into the pieces of a plan, checked against the whole."""
