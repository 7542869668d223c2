"""A run that is killed goes on as if nothing had happened."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from tests.unit.training.killed import main

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:lightning_fabric")

STEPS = 24
ROOT = Path(__file__).parents[3]


def steps_done(run: Path) -> int:
    log = run / "log.jsonl"
    return log.read_text().count("\n") if log.is_file() else 0


def test_a_run_killed_at_a_random_step_ends_bit_for_bit_where_an_undisturbed_one_does(tmp_path: Path) -> None:
    wanted = random.SystemRandom().randrange(4, STEPS - 4)
    command = [sys.executable, "-m", "tests.unit.training.killed", str(tmp_path / "killed"), str(STEPS), "0.03"]
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 120
    while steps_done(tmp_path / "killed") < wanted and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.002)
    process.kill()  # SIGKILL: nothing can be saved
    _, said = process.communicate()
    assert process.returncode == -9, f"wanted to kill it at step {wanted}: {said}"
    checkpoints = {p.name for p in (tmp_path / "killed" / "checkpoints").iterdir()}
    assert f"step-{STEPS:08d}" not in checkpoints

    main(tmp_path / "killed", STEPS, 0.0, resume=True)
    main(tmp_path / "whole", STEPS, 0.0, resume=False)
    last = f"checkpoints/step-{STEPS:08d}"
    for file in ("raw.safetensors", "weights.safetensors"):
        one, two = (load_file(tmp_path / run / last / file) for run in ("killed", "whole"))
        assert all(torch.equal(one[name], two[name]) for name in one), f"killed at step {wanted}"
    states = [torch.load(tmp_path / run / last / "state.pt", weights_only=True) for run in ("killed", "whole")]
    moments = [[t for s in state["optimiser"]["state"].values() for t in s.values()] for state in states]
    assert all(torch.equal(a, b) for a, b in zip(*moments, strict=True))
    logs = [
        [json.loads(line) for line in (tmp_path / run / "log.jsonl").read_text().splitlines()] for run in ("killed", "whole")
    ]
    assert [line["step"] for line in logs[0]] == list(range(1, STEPS + 1))
    assert [line["train/loss"] for line in logs[0]] == [line["train/loss"] for line in logs[1]]
