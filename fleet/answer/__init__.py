"""From a solution to the fleet placement, its totals and its diagnosis."""
