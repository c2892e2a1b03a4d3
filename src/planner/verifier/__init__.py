"""Recomputation of a placement from the input files alone; shares no code with any solver."""
