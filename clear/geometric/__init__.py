"""Geometric programs: standard form, presolve, conic form for Clarabel, postsolve and certificates."""
