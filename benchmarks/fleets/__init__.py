"""Benchmarks of fleets of users."""
