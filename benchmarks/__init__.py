"""Measurements of the planner: every table in docs/ is printed by a module here."""
