"""SSIM of disparity and of depth, as in the essay that METHODS F describes."""

from __future__ import annotations

from leadline.evaluation.protocol import Protocol

_LEVELS = ("uint8_rounded", "uint8_truncated", "float")
_SPACES = ("min_max", "fitted_disparity", "capped_depth_80")

PROTOCOLS = (
    Protocol(
        name="essay-ssim",
        title="SSIM of disparity and depth, in every scaling of the inputs",
        datasets=("leadline", "vkitti2", "sceneflow", "sintel"),
        source="METHODS F: skimage.metrics.structural_similarity with data_range 255; how the maps were scaled is not known",
        notes="needs dense truth: windows that touch a pixel without truth don't count",
        cap_m=80.0,
        metrics=(
            *(f"ssim/{space}/{levels}" for space in _SPACES for levels in _LEVELS),
            *(f"ssim/{space}/float/{part}" for space in _SPACES for part in ("edges", "interiors")),
            "abs_rel",
            "delta1",
        ),
    ),
)
