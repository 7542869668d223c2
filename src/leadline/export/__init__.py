"""ONNX and OpenVINO files of trained networks, verified before they are kept."""

from leadline.export.checkpoint import export_checkpoint
from leadline.export.onnx import export_onnx, verify_onnx

__all__ = ["export_checkpoint", "export_onnx", "verify_onnx"]
