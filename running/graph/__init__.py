"""Reading of ONNX files: folding, operations, exits, and cuts into blocks with all tensors that cross them."""
