"""Who is closer: DIW, the sixth data set of MiDaS's zero-shot comparison, and DA-2K."""

from __future__ import annotations

from leadline.evaluation.protocol import Protocol

PROTOCOLS = (
    Protocol(
        name="diw-whdr",
        title="weighted human disagreement rate on DIW",
        datasets=("diw",),
        source="Chen et al. 2016, arXiv 1604.03901, section 5; one of MiDaS's six (arXiv 1907.01341, section 6)",
        notes="a predicted tie is wrong; the authors print percent",
        space="order",
        solver="none",
        cap_m=None,
        averaging="pooled",
        min_valid_pixels=1,
        metrics=("whdr",),
    ),
    Protocol(
        name="da-2k",
        title="accuracy of pairs on DA-2K, by type of scene",
        datasets=("da2k",),
        source="Depth Anything V2, arXiv 2406.09414, section 6",
        notes="a predicted tie is wrong. No evaluation code was released; all pairs weigh the same",
        space="order",
        solver="none",
        cap_m=None,
        averaging="pooled",
        min_valid_pixels=1,
        metrics=("pair_accuracy",),
    ),
)
