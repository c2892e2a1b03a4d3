"""Strict reading of documents: base types, and problems with advice."""
