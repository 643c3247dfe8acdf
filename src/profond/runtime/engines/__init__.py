"""What computes an exported graph: ONNX Runtime or OpenVINO, through one interface."""
