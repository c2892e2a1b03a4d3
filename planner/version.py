"""The version of the planner."""

VERSION = "0.1.0"
