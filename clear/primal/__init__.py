"""Primal heuristics: local search, simulated annealing, grid program and branch and bound over columns."""
