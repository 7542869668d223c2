from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.unit.training.small import small_config, small_network
from torch import nn

from leadline.errors import LeadlineError
from leadline.training import checkpoint
from leadline.training.checkpoint import (
    NEEDED,
    Progress,
    checkpoint_fault,
    latest_checkpoint,
    load_checkpoint,
    mend,
    rotate,
    save_checkpoint,
)
from leadline.training.config import OptimiserConfig, from_json
from leadline.training.optimiser import make_optimiser


def save(folder: Path, step: int = 3, seed: int = 0) -> nn.Module:
    network = small_network(seed)
    optimiser = make_optimiser(network, OptimiserConfig())
    made_by = {"leadline": "1.2", "working_git": {"commit": "abc", "dirty": True}}
    progress = Progress(step, seconds=2.5, waited=0.5, images=24, best=0.7, skipped=1)
    save_checkpoint(folder, small_config(folder), network, small_network(9), optimiser, progress, 7, {"score": 0.7}, made_by)
    return network


def load(folder: Path, **options: Any) -> tuple[nn.Module, nn.Module, Progress, int]:
    network, averaged = small_network(1), small_network(2)
    progress, updates = load_checkpoint(folder, network, averaged, make_optimiser(network, OptimiserConfig(**options)))
    return network, averaged, progress, updates


def test_a_checkpoint_gives_back_what_was_saved_and_says_what_made_it(tmp_path: Path) -> None:
    saved = save(tmp_path / "step-3")
    network, averaged, progress, updates = load(tmp_path / "step-3")
    assert all(torch.equal(a, b) for a, b in zip(network.parameters(), saved.parameters(), strict=True))
    assert all(torch.equal(a, b) for a, b in zip(averaged.parameters(), small_network(9).parameters(), strict=True))
    assert progress == Progress(3, 2.5, 0.5, 24, 0.7, 1)
    assert updates == 7
    facts = json.loads((tmp_path / "step-3" / "progress.json").read_text())
    assert facts["scores"] == {"score": 0.7}
    assert facts["made_by"] == {"leadline": "1.2", "working_git": {"commit": "abc", "dirty": True}}
    assert from_json((tmp_path / "step-3" / "config.json").read_text()) == small_config(tmp_path / "step-3")


@pytest.mark.parametrize("name", NEEDED)
def test_a_checkpoint_without_one_of_its_files_is_refused(tmp_path: Path, name: str) -> None:
    save(tmp_path / "step-3")
    (tmp_path / "step-3" / name).unlink()
    with pytest.raises(LeadlineError, match=f"step-3 is cut short .no {name}.: remove it and resume from the one before"):
        load(tmp_path / "step-3")


@pytest.mark.parametrize("name", NEEDED)
def test_a_checkpoint_with_a_file_cut_in_half_is_refused(tmp_path: Path, name: str) -> None:
    save(tmp_path / "step-3")
    path = tmp_path / "step-3" / name
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(LeadlineError, match=f"cut short .{name} (has .* of .* bytes|can't be read)"):
        load(tmp_path / "step-3")


def test_the_newest_whole_checkpoint_is_taken_and_a_damaged_one_set_aside(tmp_path: Path) -> None:
    folders = [tmp_path / "checkpoints" / f"step-{step:08d}" for step in (10, 20, 30)]
    for folder in folders:
        save(folder)
    (folders[2] / "state.pt").write_bytes(b"")
    assert latest_checkpoint(tmp_path) == folders[1]
    (line,) = mend(tmp_path)
    assert "step-00000030 is cut short (state.pt has 0 of" in line
    assert "kept as damaged-step-00000030" in line
    rotate(tmp_path, 1)
    assert sorted(p.name for p in (tmp_path / "checkpoints").iterdir()) == ["damaged-step-00000030", "step-00000020"]
    (folders[1] / "state.pt").unlink()
    with pytest.raises(LeadlineError, match=r"no checkpoint in .* is whole \(no state\.pt\)"):
        latest_checkpoint(tmp_path)


@pytest.mark.parametrize("moment", ["before the old one goes", "between the two renames"])
def test_a_crash_while_a_checkpoint_is_replaced_loses_neither(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    best = tmp_path / "checkpoints" / "best"
    old = save(best, step=3)
    rename, crash_at = Path.rename, best if moment.startswith("before") else best.with_name(".best.part")

    def crash(self: Path, target: Path) -> Path:
        if self == crash_at:
            raise KeyboardInterrupt
        return rename(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", crash)
        with pytest.raises(KeyboardInterrupt):
            save(best, step=4, seed=5)
    assert mend(tmp_path) == []
    assert [p.name for p in (tmp_path / "checkpoints").iterdir()] == ["best"]
    assert checkpoint_fault(best) == ""
    network, _, progress, _ = load(best)
    assert progress.step == 3
    assert all(torch.equal(a, b) for a, b in zip(network.parameters(), old.parameters(), strict=True))


def test_every_file_is_on_the_disk_before_the_checkpoint_gets_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flushed: list[str] = []
    opened: dict[int, str] = {}
    open_, fsync, rename = os.open, os.fsync, Path.rename

    def note_open(path: Path, flags: int, *rest: int) -> int:
        handle = open_(path, flags, *rest)
        opened[handle] = str(path)
        return handle

    def note(handle: int) -> None:
        flushed.append(opened[handle])
        fsync(handle)

    def check(self: Path, target: Path) -> Path:
        assert {Path(path).name for path in flushed} == {*NEEDED, ".step-3.part"}
        return rename(self, target)

    monkeypatch.setattr(os, "open", note_open)
    monkeypatch.setattr(os, "fsync", note)
    monkeypatch.setattr(Path, "rename", check)
    save(tmp_path / "step-3")
    assert flushed[-1] == str(tmp_path)  # and the new name after it


def test_a_resumed_optimiser_keeps_the_rates_it_was_made_with(tmp_path: Path) -> None:
    save(tmp_path / "step-3")
    network = small_network()
    optimiser = make_optimiser(network, replace(OptimiserConfig(), lr=0.5, encoder_lr=0.25, weight_decay=0.125))
    load_checkpoint(tmp_path / "step-3", network, small_network(), optimiser)
    assert {group["peak_lr"] for group in optimiser.param_groups} == {0.5, 0.25}
    assert {group["weight_decay"] for group in optimiser.param_groups} == {0.125, 0.0}


def test_other_groups_of_parameters_are_refused_with_what_to_do(tmp_path: Path) -> None:
    save(tmp_path / "step-3")
    network = small_network()
    network.encoder.requires_grad_(False)  # type: ignore[operator, union-attr]
    with pytest.raises(LeadlineError, match=r"other parts frozen .* model\.weights=.*raw\.safetensors"):
        load_checkpoint(tmp_path / "step-3", network, small_network(), make_optimiser(network, OptimiserConfig()))


def test_a_file_that_can_not_be_flushed_for_lack_of_permission_is_left_be(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def refuse(path: Path, flags: int) -> int:
        raise PermissionError

    monkeypatch.setattr(os, "open", refuse)
    checkpoint._flush(tmp_path)
