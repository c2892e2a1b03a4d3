"""Benchmarks of designs and policies."""
