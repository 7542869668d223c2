"""A training step on five data sets: the sum of their losses against Pareto mixing, exact and by the shared representation.

    python -m benchmarks.pareto

leadline-s at 256 x 256 in bf16 on batches of 3, 2, 4, 3 and 3 views. ``sum`` is one forward and one backward pass of the whole
batch; ``sum_apart`` sums too, after a forward pass for each data set; ``pareto`` does the same and mixes; ``pareto_one_graph``
takes the five gradients through one graph of the whole batch; ``pareto_shared`` weighs by the gradients in the prediction.
The contestants take turns in one process; its CPU time is measured, on one thread unless told otherwise.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.harness import arguments, interleaved, report, summary

HW = (256, 256)
VIEWS = (3, 2, 4, 3, 3)


def main() -> None:
    parser = arguments(__doc__)
    parser.set_defaults(threads=1)
    given = parser.parse_args()
    from leadline.runtime.malloc import keep_freed_memory

    keep_freed_memory()
    import torch

    torch.set_num_threads(given.threads)
    torch.set_float32_matmul_precision("medium")
    batch = _batch()
    contestants = {
        "sum": _step(batch, "sum", apart=False),
        "sum_apart": _step(batch, "sum", apart=True),
        "pareto": _step(batch, "pareto", apart=True),
        "pareto_one_graph": _step(batch, "pareto", apart=False),
        "pareto_shared": _step(batch, "pareto_shared", apart=False),
    }
    results = summary(interleaved(contestants, given.rounds, clock=time.process_time), "sum", sum(VIEWS))
    settings = {"views": VIEWS, "hw": HW, "threads": given.threads, "rounds": given.rounds, "precision": "bf16-mixed"}
    report("pareto", settings, results, given.out)


def _batch() -> Any:
    from leadline.data.mixing import Batch

    rng = np.random.default_rng(0)
    count = sum(VIEWS)
    image = rng.integers(0, 256, (count, *HW, 3), dtype=np.uint8)
    disparity, valid = rng.random((count, *HW), dtype=np.float32), rng.random((count, *HW)) < 0.9
    source = np.repeat(np.arange(len(VIEWS)), VIEWS)
    return Batch(image, disparity, valid, np.zeros((count, 0, 5), np.float32), source)


def _step(batch: Any, combine: Any, apart: bool) -> Callable[[], None]:
    """Return the loop's body with one way to combine; every contestant has a network of its own."""
    import torch
    from lightning_fabric import Fabric

    from leadline.losses.ssi import scale_anchor, ssi_loss
    from leadline.models.registry import make_model
    from leadline.training.config import LossConfig, OptimiserConfig
    from leadline.training.optimiser import make_optimiser
    from leadline.training.pareto import make_pareto
    from leadline.training.task import LossReport
    from leadline.training.tasks.supervised import SupervisedTask

    network: Any = make_model("leadline-s")
    network.to(memory_format=torch.channels_last)
    network.encoder.freeze(2)
    options = OptimiserConfig()
    optimiser = make_optimiser(network, options)
    fabric = Fabric(accelerator="cpu", devices=1, precision="bf16-mixed")
    wrapped, wrapped_optimiser = fabric.setup(network, optimiser)
    loss = LossConfig()
    n = loss.stride
    task = SupervisedTask(wrapped, loss, fabric.device, apart=apart)
    pareto = make_pareto(fabric, network, combine, "none")

    def one_graph() -> LossReport:
        """Objectives of one forward pass: each data set's mean of the views' losses."""
        pred = wrapped(network.normalise(torch.from_numpy(batch.image)))
        target, valid = torch.from_numpy(batch.disparity)[:, ::n, ::n], torch.from_numpy(batch.valid)[:, ::n, ::n]
        losses, terms = ssi_loss(pred[:, ::n, ::n], target, valid, loss.gradient_weight / n, loss.share, loss.scales)
        anchor = loss.anchor_weight * scale_anchor(terms.spread)
        objectives = {str(s): losses[torch.from_numpy(batch.source == s)].mean() + anchor for s in range(len(VIEWS))}
        return LossReport(losses.mean() + anchor, {}, objectives, (pred,))

    def step() -> None:
        if pareto is None:
            fabric.backward(task.step(batch, 0).loss)
        else:
            pareto.add(task.step(batch, 0) if apart else one_graph())
            pareto.finish()
        torch.nn.utils.clip_grad_norm_(network.parameters(), options.clip)
        wrapped_optimiser.step()
        optimiser.zero_grad(set_to_none=True)

    return step


if __name__ == "__main__":
    main()
