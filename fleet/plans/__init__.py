"""Plans of a kind: enumeration by labels with dominance, and evaluation."""
