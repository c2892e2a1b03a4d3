"""Documents of batch benchmarking: the suite."""
