"""The objective of stereo networks as numbers, and the authors' ones."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class StereoSettings:
    """The objective of stereo networks; others ignore it.

    Attributes:
        iterations: refinement steps in training; more are used afterwards.
        gamma, adjusted, largest_px: see `leadline.losses.sequence.sequence_loss`.
    """

    iterations: int = 16
    gamma: float = 0.9
    adjusted: bool = True
    largest_px: float = 700.0


# What the authors train with (their released code and papers); the rest of their settings is in `leadline.recipes.raft_stereo`
# and `leadline.recipes.crestereo`.
RAFT_STEREO = StereoSettings()
RAFT_STEREO_FINE_TUNING = StereoSettings(iterations=22)
CRESTEREO = StereoSettings(iterations=10, gamma=0.8, adjusted=False, largest_px=float("inf"))
