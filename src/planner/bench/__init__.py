"""Suites of planning requests: a matrix of cases in, a table out; nothing that is done is lost or done again."""
