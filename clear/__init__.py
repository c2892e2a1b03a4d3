"""CLEAR: several DNNs planned together, by column generation and geometric programming.

Singhal et al., WoWMoM 2026.
"""
