"""Access to external solvers, with their output suppressed."""
