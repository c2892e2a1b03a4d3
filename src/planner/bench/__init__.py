"""Suites: a matrix of planning requests is expanded into cases, run by workers, and stored as rows of a table.

`runner.run_suite` does all of it; `expansion` makes cases of a suite file, `engines/` run them in processes of their
own, `results/` stores rows so that no interruption loses one, and exports them.
"""
