"""Measurements of the planner: every table in docs/ is printed by a module here.

``python -m benchmarks`` runs the registry of cases, peers side by side in one run.
"""
