"""Before the exact search: dominated operating points dropped, starting plans, large problems reduced."""
