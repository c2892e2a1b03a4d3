"""Whole users: rounding, repair by an integer program, moves."""
