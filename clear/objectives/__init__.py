"""Objectives of all apps that are written as a workload of least power: metrics, accuracy."""
