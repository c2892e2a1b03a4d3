"""Measurement of ONNX networks on this machine, as designs for CARIn: latency, memory, energy and accuracy.

`designs.measure` runs every network, precision and number of threads in a process of its own (`measurement_process`).
"""
