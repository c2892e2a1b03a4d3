"""The joint instance as arrays, columns, and their enumeration."""
