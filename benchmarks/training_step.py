"""One training step: this project's loop body against a naive loop of the same network on the same batch.

    python -m benchmarks.training_step

Naive: planar float32, batch normalisation as a layer in training mode, the loss at full resolution image by image with a sort,
no memory settings. ``leadline_all_layers`` trains the same layers as naive, ``leadline`` freezes the encoder's first two stages
as the default recipe does. Each contestant has a process of its own, because memory settings and thread pools are
process-wide; they take turns, step by step.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from typing import Any

from benchmarks.harness import arguments, report, summary

HW = (256, 256)


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument(
        "--contestant", choices=sorted(_CONTESTANTS), help="internal: run one contestant, a step for each line of input"
    )
    given = parser.parse_args()
    if given.contestant:
        _serve(given.contestant, given.batch_size, given.threads)
        return
    workers = {name: _start(name, given.batch_size, given.threads) for name in _CONTESTANTS}
    seconds: dict[str, list[float]] = {name: [] for name in workers}
    for turn in range(given.rounds + 2):
        for name, worker in workers.items():
            spent = _ask(worker)
            if turn > 1:  # the first steps compile kernels and fault memory in
                seconds[name].append(spent)
    for worker in workers.values():
        worker.stdin.close()
        worker.wait()
    settings = {"batch_size": given.batch_size, "hw": HW, "threads": given.threads, "rounds": given.rounds}
    report("training_step", settings, summary(seconds, "naive", given.batch_size), given.out)


def _start(name: str, batch_size: int, threads: int) -> Any:
    command = [sys.executable, "-m", "benchmarks.training_step", "--contestant", name]
    command += ["--batch-size", str(batch_size), "--threads", str(threads)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def _ask(worker: Any) -> float:
    worker.stdin.write("step\n")
    worker.stdin.flush()
    return float(json.loads(worker.stdout.readline()))


def _serve(name: str, batch_size: int, threads: int) -> None:
    if name != "naive":
        from leadline.runtime.malloc import keep_freed_memory

        keep_freed_memory()
    import torch

    torch.set_num_threads(threads)
    step = _CONTESTANTS[name](batch_size)
    for _ in sys.stdin:
        started = time.perf_counter()
        step()
        print(json.dumps(time.perf_counter() - started), flush=True)


def _batch(batch_size: int) -> Any:
    import numpy as np

    from leadline.data.mixing import Batch

    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (batch_size, *HW, 3), dtype=np.uint8)
    return Batch(image, rng.random((batch_size, *HW), dtype=np.float32), rng.random((batch_size, *HW)) < 0.9)


def _ours(batch_size: int, frozen_stages: int = 2) -> Any:
    import torch
    from lightning_fabric import Fabric

    from leadline.models.registry import make_model
    from leadline.training.config import LossConfig, OptimiserConfig
    from leadline.training.optimiser import make_optimiser
    from leadline.training.tasks.supervised import SupervisedTask

    torch.set_float32_matmul_precision("medium")
    batch = _batch(batch_size)
    network: Any = make_model("leadline-s").to(memory_format=torch.channels_last)
    network.encoder.freeze(frozen_stages)
    options = OptimiserConfig()
    optimiser = make_optimiser(network, options)
    fabric = Fabric(accelerator="cpu", devices=1, precision="bf16-mixed")
    wrapped, wrapped_optimiser = fabric.setup(network, optimiser)
    task = SupervisedTask(wrapped, LossConfig(), fabric.device)

    def step() -> None:
        fabric.backward(task.step(batch, 0).loss)
        torch.nn.utils.clip_grad_norm_(network.parameters(), options.clip)
        wrapped_optimiser.step()
        optimiser.zero_grad(set_to_none=True)

    return step


def _naive(batch_size: int) -> Any:
    import torch
    import torch.nn.functional as F
    from torch import Tensor, nn

    from leadline.models.efficientnet_lite import ConvNorm
    from leadline.models.registry import make_model

    class Plain(nn.Module):
        """Convolution, then normalisation, then activation, as everybody writes it."""

        def __init__(self, layer: ConvNorm) -> None:
            super().__init__()
            assert layer.norm is not None
            self.pads, self.linear, self.conv, self.norm = layer.pads, layer.linear, layer.conv, layer.norm

        def forward(self, x: Tensor) -> Tensor:
            before, after = self.pads
            y: Tensor = self.norm(self.conv(F.pad(x, (before, after, before, after))))
            return y if self.linear else F.relu6(y)

    def plain(module: nn.Module) -> None:
        for name, child in module.named_children():
            if isinstance(child, ConvNorm):
                setattr(module, name, Plain(child))
            else:
                plain(child)

    def normalise(x: Tensor) -> Tensor:
        centred = x - x.median()
        return centred / centred.abs().mean()

    def loss_of_one(pred: Tensor, target: Tensor, valid: Tensor) -> Tensor:
        p, t = torch.zeros_like(pred), torch.zeros_like(target)
        p[valid], t[valid] = normalise(pred[valid]), normalise(target[valid])
        residuals = (p - t)[valid].abs().sort().values
        total = residuals[: int(0.8 * len(residuals))].sum() / (2 * len(residuals))
        for level in range(4):
            r, m = (p - t)[:: 2**level, :: 2**level], valid[:: 2**level, :: 2**level]
            across = ((r[:, 1:] - r[:, :-1]).abs() * (m[:, 1:] & m[:, :-1])).sum()
            down = ((r[1:] - r[:-1]).abs() * (m[1:] & m[:-1])).sum()
            total = total + 0.5 * (across + down) / m.sum()
        return total

    data = _batch(batch_size)
    image = (torch.from_numpy(data.image).permute(0, 3, 1, 2).contiguous().float() - 127) / 128
    target, valid = torch.from_numpy(data.disparity), torch.from_numpy(data.valid)
    network = make_model("leadline-s").train()
    plain(network)
    optimiser = torch.optim.AdamW(network.parameters(), 1e-4)

    def step() -> None:
        pred = network(image)
        losses = [loss_of_one(p, t, v) for p, t, v in zip(pred, target, valid, strict=True)]
        torch.stack(losses).mean().backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        optimiser.zero_grad()

    return step


_CONTESTANTS: dict[str, Any] = {
    "naive": _naive,
    "leadline": _ours,
    "leadline_all_layers": lambda batch_size: _ours(batch_size, 0),
}


if __name__ == "__main__":
    main()
