"""Pages of policies: what to run in every state, and what never to switch would cost."""
