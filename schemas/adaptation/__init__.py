"""Documents of adaptation: designs, policy, states, placement policy."""
