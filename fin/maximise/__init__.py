"""Objectives that are maximised, rate and accuracy: search over exact feasibility, integer programs, splits."""
