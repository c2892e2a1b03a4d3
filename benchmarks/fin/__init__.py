"""Benchmarks of planning one app."""
