"""ONNX file to checked graph."""
