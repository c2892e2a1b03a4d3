"""Baselines: nearest node, cheapest plan, random partition (POP), the monolithic programs."""
