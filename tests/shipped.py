"""The network that ships with leadline, which users call ``leadline-s``."""

from __future__ import annotations

from leadline.runtime.predictor import load_card

SHIPPED = load_card("leadline-s").name  # with its tag
