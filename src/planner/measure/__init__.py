"""Measuring networks on this machine through ONNX Runtime: what designs.json needs, from ONNX files."""
