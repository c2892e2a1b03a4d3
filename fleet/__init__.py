"""Fleets of users: classes, plan kinds, pricing, the restricted master, bounds, rounding to whole users."""
