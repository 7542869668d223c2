"""The other commands, each on something small and real."""

from __future__ import annotations

import json
from pathlib import Path

from PIL import Image
from tests.end_to_end.command import leadline_command
from tests.shipped import SHIPPED


def test_models_are_listed_and_their_cards_shown() -> None:
    listed = leadline_command("models", "list")
    assert listed.returncode == 0, listed.stderr
    assert f"{SHIPPED}  disparity/affine_invariant  Apache-2.0" in listed.stdout
    card = json.loads(leadline_command("models", "info", "leadline-s").stdout)
    assert card["kind"] == "disparity/affine_invariant"
    assert card["training_data"]
    assert len(card["sha256"]) == 64


def test_a_world_is_made_checked_and_looked_at(tmp_path: Path) -> None:
    world = tmp_path / "analytic"
    made = leadline_command(
        "synth", "analytic", "--count", 4, "--views-per-scene", 2, "--size", 64, 48, "--workers", 1, "--out", world
    )
    assert made.returncode == 0, made.stderr
    assert "views/s" in made.stderr
    checked = leadline_command("data", "check", world)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    seen = leadline_command("data", "preview", world, "--out", tmp_path / "sheet.png")
    assert seen.returncode == 0, seen.stderr
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.width > 64

    next(world.rglob("depth/*.npy")).unlink()
    broken = leadline_command("data", "check", world, "--json")
    assert broken.returncode == 1
    findings = json.loads(broken.stdout)["findings"]
    assert {finding["mistake"] for finding in findings} == {"incomplete folder", "unreadable samples"}


def test_a_world_is_converted_and_the_copy_is_read_without_its_reader(tmp_path: Path) -> None:
    world, copy = tmp_path / "analytic", tmp_path / "copy"
    leadline_command(
        "synth", "analytic", "--count", 3, "--views-per-scene", 1, "--size", 64, 48, "--workers", 1, "--out", world
    )
    convert = ("data", "convert", world, "--out", copy, "--to", "png16", "--json")
    done = leadline_command(*convert)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"out": str(copy), "written": 3, "kept": 0, "failures": {}}
    checked = leadline_command("data", "check", copy, "--dataset", "images_and_depths", "--json")
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert json.loads(checked.stdout)["samples"] == 3

    min(world.rglob("depth/*.npy")).write_bytes(b"no array")
    min(copy.rglob("sample/*/*.json")).unlink()
    again = leadline_command(*convert)
    assert again.returncode == 1
    counted = json.loads(again.stdout)
    assert (counted["written"], counted["kept"], len(counted["failures"])) == (0, 2, 1)
    refused = leadline_command("data", "convert", world, "--out", copy, "--to", "leadline")
    assert refused.returncode == 1
    assert "was converted with" in refused.stderr


def test_training_goes_from_a_world_to_an_onnx_file_that_predicts(tmp_path: Path) -> None:
    world, run = tmp_path / "analytic", tmp_path / "run"
    leadline_command(
        "synth", "analytic", "--count", 24, "--views-per-scene", 1, "--size", 96, 96, "--workers", 1, "--out", world
    )
    settings = [
        "model.architecture=leadline-tiny", "model.imagenet=false", f"data.sources={world}", f"data.cache={tmp_path / 'cache'}",
        "data.shapes=64x64", "data.batch_size=2", "data.ingest_every_s=0", f"run_dir={run}", "optimiser.steps=2",
        "trainer.accelerator=cpu", "trainer.threads=1", "trainer.validate_every=1",
    ]  # fmt: skip
    trained = leadline_command("train", "default", "--set", *settings)
    assert trained.returncode == 0, trained.stderr
    exported = leadline_command("export", run, "--out", tmp_path / "tiny.onnx", "--name", "tiny.v0")
    assert exported.returncode == 0, exported.stderr
    picture = next(world.rglob("image/*.png"))
    predicted = leadline_command(
        "predict", picture, "--model", tmp_path / "tiny.onnx", "--out", tmp_path / "o", "--write", "npz"
    )
    assert predicted.returncode == 0, predicted.stderr
    assert list((tmp_path / "o").glob("*.npz"))


def test_a_misspelt_setting_and_an_unknown_recipe_name_the_nearest(tmp_path: Path) -> None:
    wrong = leadline_command("train", "default", "--set", "optimiser.lrr=1", "--show")
    assert wrong.returncode == 1
    assert "optimiser.lr" in wrong.stderr
    unknown = leadline_command("train", "defualt", "--show")
    assert unknown.returncode == 1
    assert "default" in unknown.stderr
