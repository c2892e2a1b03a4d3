"""Policies of placements during a run: observed links and nodes name the state, and the state names the plan."""
