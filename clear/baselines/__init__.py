"""Baselines for several apps: single node, sequential planning and one integer program over all columns."""
