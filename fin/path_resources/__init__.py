"""Limits that are no sums over blocks and links: path resources with their extension, and rows of integer programs."""
