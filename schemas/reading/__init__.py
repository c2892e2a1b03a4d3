"""Strict reading of documents: base types, problems with advice, JSON Schema export."""
