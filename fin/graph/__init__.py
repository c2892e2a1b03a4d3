"""Stages 1 and 2: extended and feasible graph, routes, min-plus recursions and dominance."""
