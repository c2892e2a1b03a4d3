"""Links of a network as the arcs of transfers: matrices or lists, priced and relaxed for many scenarios at once."""
