"""Networks as ONNX files: reading, inputs and branches fixed, folding, static shapes, operations of every node."""
