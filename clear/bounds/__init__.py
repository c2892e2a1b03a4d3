"""Lower bounds on the power of any plan: partial Lagrangian relaxation by sources."""
