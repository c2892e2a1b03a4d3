"""Bounds of the exact method: Lagrangian duals of one limit and of several, relaxations, and capacities of nodes."""
