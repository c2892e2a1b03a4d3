"""Label setting: arcs and moves that bounds leave open, labels of two kinds, dominance, and one search over both."""
