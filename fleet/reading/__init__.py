"""Columns of a fleet from a document or from tables, checked vectorised, problems counted."""
