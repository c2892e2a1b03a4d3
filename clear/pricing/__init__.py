"""Pricing subproblem of one app at dual prices, and the proof of its lower bound."""
