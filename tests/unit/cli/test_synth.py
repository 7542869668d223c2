"""`leadline synth` says what makes it slow."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from leadline.cli.synth import synth
from leadline.data.synthetic import job, mitsuba_scene


@pytest.mark.parametrize(
    ("world", "llvm", "said"), [("rooms", None, True), ("rooms", "libLLVM.so", False), ("analytic", None, False)]
)
def test_a_missing_llvm_is_noted(
    world: Any, llvm: str | None, said: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(mitsuba_scene, "find_llvm", lambda: llvm)
    monkeypatch.setattr(job, "synthesize", lambda *_, **__: job.Report(Path("out")))
    assert synth(world, out=Path("out")) == 0
    assert ("no LLVM" in capsys.readouterr().err) is said


def test_the_named_llvm_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DRJIT_LIBLLVM_PATH", "mine.so")
    assert mitsuba_scene.find_llvm() == "mine.so"
