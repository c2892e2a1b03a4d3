"""Fleets: classes of users, tables of classes, and the placement of a fleet."""
