"""Benchmarks of planning several apps."""
