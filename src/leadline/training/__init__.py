"""One loop, checkpoints, EMA, tasks/ (supervised, mixed, distillation, self_supervised, ...)."""

from leadline.training.config import TrainConfig, override
from leadline.training.train import train

__all__ = ["TrainConfig", "override", "train"]
