"""Least largest latency over its limit, of several apps together: exact search of few columns, bisection, a greedy."""
