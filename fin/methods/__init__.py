"""Reference methods and baselines: gamma, constrained path, single cut, integer program, enumeration."""
