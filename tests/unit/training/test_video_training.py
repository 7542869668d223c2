"""`leadline train monodepth2` and `sfmlearner`: every switch steps, a run resumes, its checkpoint can be asked."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from tests.unit.data.small_films import FOCAL_PX, HW, slide, write_film_world, write_frames

from leadline.camera import Camera
from leadline.cli.load import load
from leadline.data.clips import PARTNER
from leadline.data.film_sources import VideoSource
from leadline.data.video_views import VideoBatch, VideoViews
from leadline.depth_map import METRIC_DEPTH
from leadline.errors import LeadlineError
from leadline.models.registry import load_trained, make_model
from leadline.models.video_network import DEPTH_UP_TO_SCALE, VideoNetwork, Views
from leadline.recipes import load_recipe
from leadline.training import train
from leadline.training.config import TrainConfig, from_json, override, to_json
from leadline.training.odometry import path_by_checkpoint
from leadline.training.tasks.monodepth2 import Monodepth2Task
from leadline.training.tasks.sfmlearner import SfmLearnerTask
from leadline.training.video_settings import ABLATION, VideoSettings
from leadline.training.video_truth import FilmTruth, score_depth
from leadline.training.view_synthesis import ask, clips_of, synthesise

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def _one_thread() -> Any:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def small(recipe: str, folder: Path, source: str, *changes: str) -> TrainConfig:
    return override(
        load_recipe(recipe),
        [
            f"model.architecture={recipe}-tiny", "model.imagenet=false", f"data.sources={source}",
            f"data.cache={folder / 'cache'}", f"run_dir={folder / 'run'}",
            "data.shapes=32x64", "data.batch_size=2", "data.longest=80", "data.validation_views=2",
            "optimiser.steps=2", "trainer.checkpoint_every=2", "trainer.validate_every=2", "trainer.precision=32-true",
            "trainer.trackers=jsonl", "trainer.threads=1", "trainer.accelerator=cpu", *changes,
        ],
    )  # fmt: skip


def world_batch(tmp_path: Path, views: str = "mono_stereo") -> VideoBatch:
    how = override(
        load_recipe("monodepth2"), [f"data.video.views={views}", "data.video.flip=0", "data.video.jitter=0"]
    ).data.video
    source = VideoSource.parse(str(write_film_world(tmp_path / "drive")))
    return VideoViews([source], [1.0], tmp_path / "cache", [(32, 64)], 2, how, 0, 80).batch(0)


class Told(VideoNetwork):
    """Says the true depth of the film world, or another one, and its true motion."""

    def __init__(self, depth: float = 3.0, step: float = 0.2) -> None:
        super().__init__()
        near, far = self.activation.limits.tolist()
        share = (1 / depth - 1 / far) / (1 / near - 1 / far)
        self.logit = torch.nn.Parameter(torch.tensor(share).logit())
        self.step = torch.nn.Parameter(torch.tensor(step))

    def views(self, target: torch.Tensor, sources: Any, offsets: Any) -> Views:
        n, _, h, w = target.shape
        motion = torch.zeros(n, len(offsets), 6)
        motion[..., 3] = -self.step  # the camera goes right: a point goes left in the later frame
        return Views(tuple(self.logit.expand(n, h >> s, w >> s) for s in range(4)), motion)

    motion_matrices = make_model("monodepth2-tiny").motion_matrices  # type: ignore[assignment]

    def logits(self, image: torch.Tensor) -> torch.Tensor:
        return self.logit.expand(len(image), *image.shape[-2:])


def test_the_true_depth_and_motion_explain_the_sources_and_wrong_ones_do_not(tmp_path: Path) -> None:
    """A sign, a baseline or a principal point gone wrong anywhere between the files and the loss would show here."""
    batch = world_batch(tmp_path)
    assert batch.offsets == (-1, 1, PARTNER)
    settings = VideoSettings(auto_mask=False, combination="mean", outside="masked", full_resolution_after=0)

    def photometric(network: VideoNetwork, **changes: Any) -> float:
        return float(Monodepth2Task(network, replace(settings, **changes), CPU).step(batch, 0).parts["photometric"])

    right = photometric(Told())
    assert right < 0.003
    assert photometric(Told(depth=6.0)) > 20 * right
    assert photometric(Told(step=-0.2)) > 20 * right
    coarse = photometric(Told(), full_resolution=False)  # shifts of parts of a pixel blur what is shrunk
    assert photometric(Told(depth=6.0), full_resolution=False) > 4 * coarse
    assert photometric(Told(), combination="minimum") <= right


def test_every_source_is_seen_at_its_own_place(tmp_path: Path) -> None:
    batch = world_batch(tmp_path)
    clips = clips_of(batch, CPU)
    network = Told()
    views = network.views(clips.target, [], clips.moving)
    motion = network.motion_matrices(views.motion, clips.moving)
    poses = torch.stack([*motion, clips.partner_from_target])
    seen = synthesise(clips, torch.full((2, 32, 64), 3.0), poses, "zeros")
    for picture, valid in zip(seen.pictures, seen.valid, strict=True):
        error = (picture - clips.target).abs().amax(1)
        assert error[valid].max() < 0.03  # the pictures were resized before, at parts of a pixel
        assert (clips.sources[0] - clips.target).abs().max() > 0.1
        assert 0.85 < valid.float().mean() < 1


def test_half_precision_around_a_task_or_a_validation_moves_nothing(tmp_path: Path) -> None:
    batch = world_batch(tmp_path)
    depth = 2 + torch.rand(2, 32, 64, generator=torch.Generator().manual_seed(0))

    def found(autocast: bool) -> tuple[torch.Tensor, torch.Tensor]:
        torch.manual_seed(0)
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16, enabled=autocast):
            poses = ask(Told(), batch, CPU)[1]
            return poses, synthesise(clips_of(batch, CPU), depth, poses, "border").pictures

    for rounded, exact in zip(found(True), found(False), strict=True):
        torch.testing.assert_close(rounded, exact, rtol=0, atol=0)


@pytest.mark.parametrize("arm", ABLATION)
def test_every_arm_of_the_ablation_steps_with_finite_gradients(tmp_path: Path, arm: str) -> None:
    config = override(load_recipe("monodepth2"), ABLATION[arm])
    torch.manual_seed(0)
    network = make_model("monodepth2-tiny")
    task, batch = Monodepth2Task(network, config.video, CPU), world_batch(tmp_path)
    report = task.step(batch, config.video.auto_mask_after)
    report.loss.backward()
    gradients = [p.grad for p in network.parameters()]
    assert all(g is not None and torch.isfinite(g).all() for g in gradients)
    assert sum(float(g.abs().sum()) for g in gradients if g is not None) > 0
    assert {"photometric", "smoothness", "counted", "disparity", "translation"} == set(report.parts)
    assert (report.parts["counted"] < 1) == config.video.auto_mask
    assert task.step(batch, config.video.auto_mask_after - 1).parts["counted"] == 1  # nothing is left out at first


def test_pictures_are_compared_small_at_first(tmp_path: Path) -> None:
    batch = world_batch(tmp_path)

    def photometric(number: int, **changes: Any) -> float:
        settings = VideoSettings(auto_mask=False, full_resolution_after=7, **changes)
        return float(Monodepth2Task(Told(depth=4.0), settings, CPU).step(batch, number).parts["photometric"])

    small, full = photometric(9, full_resolution=False), photometric(7)
    assert small != full
    assert photometric(6) == small


def test_a_stereo_film_needs_no_motion(tmp_path: Path) -> None:
    batch = world_batch(tmp_path, "stereo")
    right, wrong = (
        float(Monodepth2Task(Told(depth), VideoSettings(full_resolution_after=0), CPU).step(batch, 0).parts["photometric"])
        for depth in (3.0, 4.5)
    )
    assert 4 * right < wrong
    report = Monodepth2Task(make_model("monodepth2-tiny"), VideoSettings(), CPU).step(batch, 0)
    assert report.parts["translation"] == pytest.approx(0.2)  # the baseline is the only motion


def test_sfmlearner_steps_with_and_without_its_mask(tmp_path: Path) -> None:
    batch = world_batch(tmp_path, "mono")
    for weight in (0.0, 0.2):
        torch.manual_seed(0)
        network = make_model("sfmlearner-tiny")
        report = SfmLearnerTask(network, VideoSettings("sfmlearner", explainability=weight), CPU).step(batch, 0)
        report.loss.backward()
        masks = [p for name, p in network.named_parameters() if name.startswith(("motion.up", "motion.predict"))]
        assert all((p.grad is not None) == (weight > 0) for p in masks)
        assert ("explained" in report.parts) == (weight > 0)
        assert report.loss.isfinite()


def test_a_few_steps_explain_a_film_better(tmp_path: Path) -> None:
    batch = world_batch(tmp_path)
    network = Told(depth=4.5, step=0.1)
    task = Monodepth2Task(network, VideoSettings(auto_mask=False), CPU)
    optimiser = torch.optim.Adam([{"params": [network.logit], "lr": 0.03}, {"params": [network.step], "lr": 0.01}])
    for number in range(40):
        optimiser.zero_grad()
        task.step(batch, number).loss.backward()
        optimiser.step()
    depth = network(torch.zeros(1, 3, 4, 4))[0, 0, 0].item()
    assert depth == pytest.approx(3.0, rel=0.1)  # in metres: the baseline is known
    assert network.step.item() == pytest.approx(0.2, rel=0.1)


def test_a_resumed_run_ends_with_the_same_weights_and_its_checkpoint_is_a_predictor(tmp_path: Path) -> None:
    source = f"video:{write_frames(tmp_path / 'walk', slide(40))}"
    often = "trainer.validate_every=9"

    def run(name: str, steps: int, resume: bool = False) -> Path:
        config = small("sfmlearner", tmp_path / name, source, f"optimiser.steps={steps}", often, "video.explainability=0.2")
        return train(config, resume=resume)

    flat = run("flat", 3)
    run("parts", 2)
    parts = run("parts", 3, resume=True)
    for key, value in load_file(flat / "weights.safetensors").items():
        torch.testing.assert_close(load_file(parts / "weights.safetensors")[key], value, rtol=0, atol=0)
    network, name = load_trained(flat)
    assert (network.kind, network.input_size, name) == (DEPTH_UP_TO_SCALE, 64, "sfmlearner.v1")
    prediction = load(str(flat))(np.ascontiguousarray(slide(1)[0]))
    assert prediction.depth.kind == DEPTH_UP_TO_SCALE
    assert prediction.depth.hw == (48, 80)
    log = (tmp_path / "flat" / "run" / "log.jsonl").read_text()
    assert "validation/photometric" in log
    assert "validation/abs_rel" not in log  # no truth


def test_a_stereo_run_gives_metres_and_logs_what_the_truth_says(tmp_path: Path) -> None:
    world = write_film_world(tmp_path / "drive", 40)
    best = train(small("monodepth2", tmp_path, str(world), "data.video.views=stereo", "optimiser.steps=1"))
    network, _ = load_trained(best)
    assert network.kind == METRIC_DEPTH
    assert "known baseline" in network.card("a.b").notes
    lines = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    (scores,) = [line for line in lines if "validation/score" in line]
    assert {f"validation/{name}" for name in ("photometric", "abs_rel", "delta1", "scale", "abs_rel_metres")} <= set(scores)


def test_a_run_of_one_field_of_view_says_so_and_sees_no_other_afterwards(tmp_path: Path) -> None:
    world = write_film_world(tmp_path / "drive", 24)
    angle = ("data.video.field_of_view=common", "data.video.fov_deg=40", "optimiser.steps=1", "data.validation_views=0")
    best = train(small("monodepth2", tmp_path, str(world), *angle), validation=lambda network: {"score": 0.0})
    predictor = load(str(best))
    assert predictor.card.fov_deg == pytest.approx((40, 20.628), abs=0.001)  # 2 atan(tan(20 degrees) * 32 / 64)
    camera = Camera.from_focal_px(FOCAL_PX, HW)
    valid = predictor(np.ascontiguousarray(slide(1)[0]), camera).depth.valid
    assert (valid.any(0).sum(), valid.any(1).sum()) == (44, 22)  # 2 * 60 * tan(20 degrees), and half of it
    path, _ = path_by_checkpoint(best, str(world), tmp_path / "another-cache")
    assert len(path) == 24

    own = train(small("monodepth2", tmp_path / "own", str(world), *angle[2:]), validation=lambda network: {"score": 0.0})
    assert load(str(own)).card.fov_deg == ()


def test_truth_is_compared_up_to_one_factor_a_picture_and_metres_as_they_are() -> None:
    from leadline.depth_map import DepthMap

    truth = [FilmTruth(np.zeros((32, 64, 3), np.uint8), DepthMap(np.full((16, 32), z))) for z in (6.0, 6.0, 12.0)]
    network = Told(depth=3.0).eval()
    scores = score_depth(network, truth)
    assert scores["abs_rel"] == pytest.approx(0, abs=1e-5)
    assert scores["scale"] == pytest.approx(2.0, rel=1e-4)
    assert scores["scale_spread"] == pytest.approx(np.std([1, 1, 2]), rel=1e-4)
    assert "abs_rel_metres" not in scores
    network.in_metres(True)
    assert score_depth(network, truth)["abs_rel_metres"] == pytest.approx((0.5 + 0.5 + 0.75) / 3, rel=1e-4)
    assert score_depth(network, []) == {}


@pytest.mark.parametrize(
    ("recipe", "change", "message"),
    [
        ("monodepth2", "data.root=walk", "expected data.sources=video:walk"),
        ("monodepth2", "model.head=sigmoid", "model.head=sigmoid for monodepth2-tiny: expected own"),
        ("monodepth2", "data.mixing=temperature", "expected weighted or equal"),
        ("monodepth2", "video.near=200", "expected 0 < near < far"),
        ("monodepth2", "data.shapes=30x64", "expected multiples of 32"),
        ("sfmlearner", "data.video.offsets=-1", "expected mono and 2"),
        ("sfmlearner", "data.video.views=mono_stereo", "expected mono and 2"),
        ("sfmlearner", "model.imagenet=true", "no pretrained encoder"),
    ],
)
def test_what_does_not_go_together_is_one_line(tmp_path: Path, recipe: str, change: str, message: str) -> None:
    with pytest.raises(LeadlineError, match=message):
        train(small(recipe, tmp_path, f"video:{write_frames(tmp_path / 'walk', slide(8))}", change))


@pytest.mark.parametrize("name", ["monodepth2", "sfmlearner"])
def test_the_recipes_hold_the_published_numbers_and_survive_their_json(name: str) -> None:
    config = load_recipe(name)
    assert from_json(to_json(config)) == config
    published = {"monodepth2": (1e-4, 12, (192, 640), 1e-3), "sfmlearner": (2e-4, 4, (128, 416), 0.5)}
    found = config.optimiser.lr, config.data.batch_size, config.data.shapes[0], config.video.smoothness
    assert found == published[name]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["monodepth2-tiny", "sfmlearner-tiny"])
def test_an_exported_file_holds_depth_alone_and_says_what_torch_says(tmp_path: Path, name: str) -> None:
    from leadline.export.onnx import export_onnx

    network = make_model(name)
    file = export_onnx(network, network.card(f"{name}.v1"), tmp_path / f"{name}.onnx")
    weights = sum(p.numel() for n, p in network.named_parameters() if not n.startswith(("pose.", "motion.")))
    assert file.stat().st_size < 4 * weights * 1.2
