"""Pages of Pareto fronts: their figure, the plans as a table, and hashes of inputs."""
