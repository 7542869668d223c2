"""`leadline train` as a user runs it: stopped, resumed, ended."""

from __future__ import annotations

import json
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from tests.unit.training.test_train import write_world

from leadline.cli.train import train

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:lightning_fabric")


@pytest.fixture(autouse=True)
def _threads() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def test_ctrl_c_says_how_to_resume_and_the_resumed_run_ends_with_its_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_world(tmp_path / "floors")
    run = tmp_path / "run"
    settings = [
        f"data.sources={tmp_path / 'floors'}", f"data.cache={tmp_path / 'cache'}", f"run_dir={run}",
        "model.architecture=leadline-tiny", "model.imagenet=false", "data.shapes=32x64", "data.batch_size=2",
        "data.longest=64", "optimiser.steps=100000", "trainer.validate_every=100000", "trainer.log_every=1",
        "trainer.threads=1", "trainer.accelerator=cpu", "trainer.trackers=jsonl", "data.ingest_every_s=0",
    ]  # fmt: skip
    command = [sys.executable, "-m", "leadline", "train", "default", "--set", *settings]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 200
    while not ((run / "log.jsonl").is_file() and (run / "log.jsonl").read_text().count("\n") >= 2):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    printed, said = process.communicate(timeout=200)
    assert process.returncode == 130, said
    assert "seed = 0" in printed
    assert "optimiser.steps = 100000" in printed
    assert "stopping after this step" in said
    last = said.splitlines()[-1]
    stopped = int(last.removeprefix("stopped after step ").partition(",")[0])
    assert (run / "checkpoints" / f"step-{stopped:08d}").is_dir()

    words = shlex.split(last.partition("go on with: ")[2])
    assert words[:4] == ["leadline", "train", "default", "--resume"]
    assert words[4:] == ["--set", *settings]
    # In this process, which has torch at hand.
    monkeypatch.setattr("leadline.runtime.malloc.keep_freed_memory", lambda: True)
    assert train("default", set_=[*words[5:], f"optimiser.steps={stopped + 1}"], resume=True) == 0
    *_, summary, following = capsys.readouterr().out.splitlines()
    assert summary.startswith(f"{stopped + 1:,} steps in ")
    assert "of the time waiting for data, best score 0." in summary
    assert summary.endswith(f": {run / 'checkpoints' / 'best'}")
    onnx = run / "checkpoints" / "best" / "leadline-s.v1.onnx"
    assert following == f"next: leadline export {run / 'checkpoints' / 'best'}; leadline predict PHOTO --model {onnx}"
    made_by = json.loads((run / "checkpoints" / "best" / "progress.json").read_text())["made_by"]
    assert {"leadline", "leadline_git", "working_git", "torch"} <= set(made_by)


def test_without_a_recipe_all_are_listed_with_what_they_make(capsys: pytest.CaptureFixture[str]) -> None:
    from leadline.recipes import recipe_names

    assert train() == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.partition(":")[0] for line in lines] == recipe_names()
    assert "default: leadline-s.v1, the network that leadline ships." in lines
