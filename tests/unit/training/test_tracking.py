from __future__ import annotations

import json
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from tests.unit.training.small import small_config

from leadline.errors import LeadlineError
from leadline.training.tracking import JsonLines, TensorBoard, Tracker, Trackers, make_tracker


def lines(run: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]


def test_json_lines_hold_steps_six_digits_and_null_for_what_is_not_finite(tmp_path: Path) -> None:
    tracker = JsonLines(small_config(tmp_path))
    tracker.log(3, {"train/loss": 1.23456789e-7, "skipped": 2, "x": float("nan"), "y": float("-inf")})
    tracker.close()
    (line,) = lines(tmp_path)
    assert line.pop("time")
    assert line == {"step": 3, "train/loss": 1.23457e-7, "skipped": 2, "x": None, "y": None}


def test_a_resumed_log_drops_the_steps_that_are_taken_again_and_half_lines(tmp_path: Path) -> None:
    first = JsonLines(small_config(tmp_path))
    for step in (1, 2, 3):
        first.log(step, {"a": step})
    first.close()
    with (tmp_path / "log.jsonl").open("a") as file:
        file.write('{"time": "10:00:00", "st')  # killed while it wrote
    second = JsonLines(small_config(tmp_path), step=2)
    second.log(3, {"a": 30})
    second.close()
    assert [(line["step"], line["a"]) for line in lines(tmp_path)] == [(1, 1), (2, 2), (3, 30)]


def test_tensorboard_gets_every_scalar_at_its_step_and_those_of_a_resumed_run_once(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    for start, steps in ((0, (1, 2, 3)), (2, (3, 4))):
        tracker = TensorBoard(small_config(tmp_path), start)
        for step in steps:
            tracker.log(step, {"train/loss": step + start / 10})
        tracker.close()
    events = EventAccumulator(str(tmp_path / "tensorboard"))  # type: ignore[no-untyped-call]
    events.Reload()  # type: ignore[no-untyped-call]
    found = [(event.step, round(event.value, 3)) for event in events.Scalars("train/loss")]  # type: ignore[no-untyped-call]
    assert found == [(1, 1.0), (2, 2.0), (3, 3.2), (4, 4.2)]


class FakeWandb(ModuleType):
    """What leadline uses of wandb."""

    def __init__(self) -> None:
        super().__init__("wandb")
        self.calls: list[Any] = []

    def init(self, **options: Any) -> SimpleNamespace:
        self.calls.append(("init", options))
        return SimpleNamespace(
            id=options["id"] or "fresh",
            log=lambda scalars, step: self.calls.append(("log", scalars, step)),
            finish=lambda: self.calls.append("finish"),
        )


def test_wandb_gets_the_configuration_and_scalars_and_a_resumed_run_goes_on_with_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = FakeWandb()
    monkeypatch.setitem(sys.modules, "wandb", fake)
    monkeypatch.setenv("WANDB_PROJECT", "mine")
    tracker = make_tracker("wandb", small_config(tmp_path))
    tracker.log(5, {"train/loss": 0.5})
    tracker.close()
    (_, options), logged, finished = fake.calls
    assert (options["project"], options["name"], options["id"], options["resume"]) == ("mine", "leadline-tiny.test", None, None)
    assert options["config"]["optimiser.steps"] == "4"
    assert logged == ("log", {"train/loss": 0.5}, 5)
    assert finished == "finish"
    make_tracker("wandb", small_config(tmp_path), step=5)
    assert (fake.calls[-1][1]["id"], fake.calls[-1][1]["resume"]) == ("fresh", "allow")
    make_tracker("wandb", small_config(tmp_path))  # a new run in the same folder is another run
    assert fake.calls[-1][1]["id"] is None


class FakeMlflow(ModuleType):
    """What leadline uses of MLflow."""

    def __init__(self) -> None:
        super().__init__("mlflow")
        self.calls: list[Any] = []

    def start_run(self, **options: str) -> SimpleNamespace:
        self.calls.append(("start_run", options))
        return SimpleNamespace(info=SimpleNamespace(run_id=options.get("run_id", "fresh")))

    def log_params(self, values: dict[str, str]) -> None:
        self.calls.append(("log_params", values))

    def log_metrics(self, values: dict[str, float], step: int) -> None:
        self.calls.append(("log_metrics", values, step))

    def end_run(self) -> None:
        self.calls.append("end_run")


def test_mlflow_gets_parameters_once_and_scalars_and_a_resumed_run_goes_on_with_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = FakeMlflow()
    monkeypatch.setitem(sys.modules, "mlflow", fake)
    tracker = make_tracker("mlflow", small_config(tmp_path))
    tracker.log(5, {"train/loss": 0.5, "skipped": 1})
    tracker.close()
    assert fake.calls[0] == ("start_run", {"run_name": "leadline-tiny.test"})
    assert fake.calls[1][0] == "log_params"
    assert fake.calls[1][1]["optimiser.steps"] == "4"
    assert fake.calls[2:] == [("log_metrics", {"train/loss": 0.5, "skipped": 1.0}, 5), "end_run"]
    fake.calls.clear()
    make_tracker("mlflow", small_config(tmp_path), step=5)
    assert fake.calls == [("start_run", {"run_id": "fresh"})]  # parameters can't be set twice


@pytest.mark.parametrize("name", ["wandb", "mlflow"])
def test_a_tracker_whose_package_is_missing_is_refused_with_the_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setitem(sys.modules, name, None)  # as if not installed
    with pytest.raises(LeadlineError, match=f"trainer.trackers={name} needs .* pip install {name}, or leave {name} out"):
        make_tracker(name, small_config(tmp_path))


def test_an_unknown_tracker_is_refused_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(LeadlineError, match="expected names of jsonl, tensorboard, wandb, mlflow"):
        make_tracker("jsnol", small_config(tmp_path))


class Away:
    def log(self, step: int, scalars: object) -> None:
        raise ConnectionError("the server\nis away")

    def close(self) -> None:
        raise ConnectionError


def test_a_tracker_that_fails_is_told_of_once_and_stops_neither_the_run_nor_the_others(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trackers: Tracker = Trackers([Away(), JsonLines(small_config(tmp_path))])
    for step in (1, 2):
        trackers.log(step, {"a": 1})
    trackers.close()
    assert len(lines(tmp_path)) == 2
    assert capsys.readouterr().err == "Away fails (the server is away): training goes on, its log has gaps\n"
