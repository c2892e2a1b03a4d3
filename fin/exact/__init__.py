"""Stage 3, the exact method: Lagrangian dual, relaxation, label setting and path joining."""
