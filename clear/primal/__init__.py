"""Primal heuristics: starting plan, simulated annealing, local search, grid program."""
