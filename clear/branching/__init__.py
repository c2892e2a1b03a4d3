"""Branch and bound: on the number of nodes in use of each class, then on the columns of apps by reduced cost."""
