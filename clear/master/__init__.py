"""Restricted master program over priced columns, and the symmetry of equal nodes."""
