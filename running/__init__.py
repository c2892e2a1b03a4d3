"""Real networks: ONNX files become models, plans become pieces, and pieces run on agents over a network."""
