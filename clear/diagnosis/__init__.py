"""Reasons why no joint plan exists, by relaxations that are infeasible."""
