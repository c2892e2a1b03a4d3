"""Benchmarks of the command line and of batch runs."""
