"""MiDaS's loss, trimmed residuals and gradients on four scales, batched against image by image; forward and backward.

    python -m benchmarks.losses

`reference` is how the loss goes from hand to hand: a loop over the images, valid pixels picked by index, residuals sorted. It
computes the same numbers: values and gradients are compared in float64 first, and a difference of 1e-7 ends the run. Each
contestant has a process of its own, and they take turns. ``*_malloc`` are the same two with the command line's memory setting
(`leadline.runtime.malloc`), which helps both.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

from benchmarks.harness import arguments, report, summary

TOLERANCE = 1e-7
CONTESTANTS = ("reference", "leadline", "reference_malloc", "leadline_malloc")


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--side", type=int, default=256)
    parser.add_argument("--contestant", choices=CONTESTANTS, help="internal: run one, a pass for each line of input")
    given = parser.parse_args()
    if given.contestant:
        _serve(given.contestant, given.batch_size, given.side, given.threads)
        return
    off = differences(given.batch_size, given.side)
    if max(off.values()) > TOLERANCE:
        sys.exit(f"the contestants differ by {off}: expected at most {TOLERANCE}")
    workers = {name: _start(name, given) for name in CONTESTANTS}
    seconds: dict[str, list[float]] = {name: [] for name in workers}
    for turn in range(given.rounds + 2):
        for name, worker in workers.items():
            worker.stdin.write("pass\n")
            worker.stdin.flush()
            spent = float(json.loads(worker.stdout.readline()))
            if turn > 1:  # the first passes fault memory in
                seconds[name].append(spent)
    for worker in workers.values():
        worker.stdin.close()
        worker.wait()
    results = summary(seconds, "reference", given.batch_size)
    results["leadline_malloc"].update(
        {key: value for key, value in summary(seconds, "reference_malloc")["leadline_malloc"].items() if "speedup" in key}
    )
    settings = {"batch_size": given.batch_size, "side": given.side, "threads": given.threads, "rounds": given.rounds, **off}
    report("losses", settings, results, given.out)


def differences(batch_size: int, side: int) -> dict[str, float]:
    """Return the largest differences of values and of gradients between the two contestants, in float64."""
    import torch

    from leadline.losses.registry import get_dense_loss

    pred, target, valid = batch(batch_size, side, torch.float64)
    values, gradients = [], []
    for loss in (get_dense_loss("ssi_trim+gradient"), reference):
        p = pred.clone().requires_grad_()
        value = loss(p, target, valid)
        value.mean().backward()
        values.append(value.detach())
        gradients.append(p.grad)
    return {
        "largest_difference_of_values": float((values[0] - values[1]).abs().max()),
        "largest_difference_of_gradients": float((gradients[0] - gradients[1]).abs().max()),  # type: ignore[operator]
    }


def reference(pred: Any, target: Any, valid: Any) -> Any:
    """Return (N,) the loss, image by image."""
    import torch

    def normalised(x: Any) -> Any:
        centred = x - x.median()
        return centred / centred.abs().mean()

    losses = []
    for p, t, m in zip(pred, target, valid, strict=True):
        residual = torch.zeros_like(p)
        residual[m] = normalised(p[m]) - normalised(t[m])
        ranked = residual[m].abs().sort().values
        total = ranked[: int(0.8 * len(ranked))].sum() / (2 * len(ranked))
        for level in range(4):
            r, seen = residual[:: 2**level, :: 2**level], m[:: 2**level, :: 2**level]
            across = ((r[:, 1:] - r[:, :-1]).abs() * (seen[:, 1:] & seen[:, :-1])).sum()
            down = ((r[1:] - r[:-1]).abs() * (seen[1:] & seen[:-1])).sum()
            total = total + 0.5 * (across + down) / seen.sum()
        losses.append(total)
    return torch.stack(losses)


def batch(batch_size: int, side: int, dtype: Any) -> tuple[Any, Any, Any]:
    """Return prediction, target and mask: smooth maps with noise, nine tenths valid."""
    import torch
    from torch.nn.functional import interpolate

    generator = torch.Generator().manual_seed(0)
    coarse = torch.rand(2, batch_size, 8, 8, generator=generator, dtype=dtype)
    smooth = interpolate(coarse, (side, side), mode="bicubic", align_corners=False)
    pred, target = smooth + 0.05 * torch.rand(smooth.shape, generator=generator, dtype=dtype)
    return pred, target, torch.rand(pred.shape, generator=generator) < 0.9


def _start(name: str, given: Any) -> Any:
    command = [sys.executable, "-m", "benchmarks.losses", "--contestant", name, "--batch-size", str(given.batch_size)]
    command += ["--side", str(given.side), "--threads", str(given.threads)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def _serve(name: str, batch_size: int, side: int, threads: int) -> None:
    if name.endswith("_malloc"):
        from leadline.runtime.malloc import keep_freed_memory

        keep_freed_memory()
    import torch

    from leadline.losses.registry import get_dense_loss

    torch.set_num_threads(threads)
    loss: Callable[..., Any] = get_dense_loss("ssi_trim+gradient") if name.startswith("leadline") else reference
    pred, target, valid = batch(batch_size, side, torch.float32)
    pred.requires_grad_()
    for _ in sys.stdin:
        pred.grad = None
        started = time.perf_counter()
        loss(pred, target, valid).mean().backward()
        print(json.dumps(time.perf_counter() - started), flush=True)


if __name__ == "__main__":
    main()
