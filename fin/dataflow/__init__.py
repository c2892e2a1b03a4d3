"""The exact search for networks that are no chains, and for memory beyond a sum: variable elimination and labels."""
