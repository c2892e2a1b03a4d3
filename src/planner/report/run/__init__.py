"""Pages of runs: what was measured beside what was predicted."""
