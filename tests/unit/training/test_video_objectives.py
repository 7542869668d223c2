"""DDVO and Kuznietsov's objective on films along a wall, whose depth and motion are known."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.unit.data.small_films import FOCAL_PX, HW, slide, write_film_world, write_frames

from leadline.data.clip_truth import depth_of_points
from leadline.data.clips import VideoData, mirror_clip, read_clip
from leadline.data.film import Film, open_film
from leadline.data.film_sources import VideoSource
from leadline.data.video_views import VideoBatch, VideoViews, collate_clips
from leadline.depth_map import METRIC_DEPTH, DepthMap
from leadline.errors import LeadlineError
from leadline.models.registry import make_model
from leadline.models.video_network import VideoNetwork, Views
from leadline.recipes import load_recipe
from leadline.training import train
from leadline.training.config import from_json, override, to_json
from leadline.training.tasks.ddvo import DdvoTask, ddvo_pictures
from leadline.training.tasks.kuznietsov import KuznietsovTask, fade
from leadline.training.video_settings import VideoSettings

CPU = torch.device("cpu")
DDVO = VideoSettings(objective="ddvo", smoothness=0.01, mean_disparity=1 / 3)
METRES = VideoSettings(objective="kuznietsov", smoothness=0.01, fade_steps=0.0)


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


class Told(VideoNetwork):
    """Says one depth everywhere, and one motion."""

    motion_matrices = make_model("monodepth2-tiny").motion_matrices  # type: ignore[assignment]

    def __init__(self, depth: float = 3.0, step: float = 0.2) -> None:
        super().__init__()
        near, far = self.activation.limits.tolist()
        share = (1 / depth - 1 / far) / (1 / near - 1 / far)
        self.logit = torch.nn.Parameter(torch.tensor(share).logit())
        self.step = torch.nn.Parameter(torch.tensor(step))

    def views(self, target: torch.Tensor, sources: Any, offsets: Any) -> Views:
        n, _, h, w = target.shape
        motion = torch.zeros(n, len(offsets), 6)
        motion[..., 3] = -self.step
        return Views(tuple(self.logit.expand(n, h >> s, w >> s) for s in range(4)), motion)


def views_of(tmp_path: Path, views: str, *changes: str) -> VideoViews:
    how = override(load_recipe("monodepth2"), [f"data.video.{c}" for c in (f"views={views}", "flip=0", "jitter=0", *changes)])
    source = VideoSource.parse(str(write_film_world(tmp_path / "drive")))
    return VideoViews([source], [1.0], tmp_path / "cache", [(32, 64)], 2, how.data.video, 0, 80)


def test_with_normalised_depth_only_the_motion_has_a_scale(tmp_path: Path) -> None:
    batch = views_of(tmp_path, "mono").batch(0)

    def photometric(**told: float) -> float:
        return float(DdvoTask(Told(**told), DDVO, CPU).step(batch, 0).parts["photometric"])

    right = photometric()
    assert photometric(depth=6.0) == pytest.approx(right, rel=1e-3)  # brought to a mean disparity of 1 / 3 all the same
    assert photometric(step=-0.2) > 4 * right
    assert photometric(step=0.1) > 2 * right


def test_the_second_stage_refines_a_motion_and_teaches_the_first_guess_through_it(tmp_path: Path) -> None:
    batch = views_of(tmp_path, "mono").batch(0)
    network = Told(step=0.13)
    first, second = (DdvoTask(network, replace(DDVO, stage=stage), CPU).step(batch, 0) for stage in ("first", "second"))
    assert second.parts["photometric"] < 0.5 * first.parts["photometric"]
    assert second.parts["after_odometry"] < 0.1 * second.parts["before_odometry"]
    assert second.parts["translation"].item() == pytest.approx(0.2, rel=0.05)
    assert first.parts["translation"].item() == pytest.approx(0.13)
    second.loss.backward()
    assert network.step.grad is not None
    assert network.step.grad.isfinite()
    errors = []
    for stage in ("first", "second"):
        with torch.no_grad():
            target, seen = ddvo_pictures(network, batch, CPU, replace(DDVO, stage=stage))
        errors.append((seen[0] - target).abs().mean().item())
    assert errors[1] < 0.5 * errors[0]  # what validation sees, too


def test_the_second_stage_trains_sfmlearners_networks_with_finite_gradients(tmp_path: Path) -> None:
    batch = views_of(tmp_path, "mono").batch(0)
    torch.manual_seed(0)
    network = make_model("sfmlearner-tiny")
    assert isinstance(network, VideoNetwork)
    network.learn(motion=True, masks=False)
    DdvoTask(network, replace(DDVO, stage="second", mean_disparity=10.0), CPU).step(batch, 0).loss.backward()
    gradients = [p.grad for p in network.parameters() if p.requires_grad]
    assert all(g is not None and torch.isfinite(g).all() for g in gradients)


def kuznietsov(batch: VideoBatch, depth: float = 3.0, **changes: Any) -> dict[str, float]:
    report = KuznietsovTask(Told(depth), replace(METRES, **changes), CPU).step(batch, 0)
    return {"loss": float(report.loss.detach()), **{name: float(value) for name, value in report.parts.items()}}


def test_true_points_and_both_pictures_agree_with_the_true_depth_whichever_eye_is_the_target(tmp_path: Path) -> None:
    views = views_of(tmp_path, "stereo", "truth=true", "truth_share=0.25")
    batches = [views.batch(number) for number in range(6)]
    sides = {bool(x > 0) for batch in batches for x in batch.partner_from_target[:, 0, 3]}
    assert sides == {True, False}
    for batch in batches:
        assert batch.truth is not None
        assert batch.truth.shape == (2, 2, 32, 64)
        np.testing.assert_allclose(batch.truth[batch.truth > 0], 3.0, rtol=1e-5)
        right, near, far = (kuznietsov(batch, depth) for depth in (3.0, 2.4, 3.8))
        assert 0.1 < right["known"] < 0.5
        assert right["supervised"] == pytest.approx(0, abs=1e-4)
        c = 0.2 * 0.6  # all residuals are the largest one
        assert near["supervised"] == pytest.approx(2 * (0.6**2 + c**2) / (2 * c), rel=1e-4)  # of both eyes
        for wrong in (near, far):
            assert wrong["alignment"] > 2 * right["alignment"]
            assert wrong["loss"] > 2 * right["loss"]


def test_a_mirrored_pair_has_its_truth_and_its_eyes_mirrored(tmp_path: Path) -> None:
    (source,) = VideoSource.parse(str(write_film_world(tmp_path / "drive"))).films()
    film = open_film(source, tmp_path / "cache", 80, 0.0)
    ramp = np.tile(np.linspace(2, 4, HW[1], dtype=np.float32), (HW[0], 1))
    ramp[:, 10] = 0
    film = replace(film, read_depth=lambda number: DepthMap(ramp, ramp > 0, METRIC_DEPTH))
    how = VideoData(views="stereo", truth=True)
    clip = read_clip(film, 3, how)
    assert clip.points is not None
    np.testing.assert_allclose(depth_of_points(clip.points, clip.cameras[0]), ramp, rtol=1e-6)
    mirrored = mirror_clip(clip)
    assert mirrored.points is not None
    np.testing.assert_allclose(depth_of_points(mirrored.points, mirrored.cameras[0]), ramp[:, ::-1], rtol=1e-6)
    truth = collate_clips([clip, mirrored], (0,)).truth
    assert truth is not None
    np.testing.assert_allclose(truth[1, 1], truth[1, 0][:, ::-1])  # the other eye's, too
    # The right eye sees the point of column 40 at 40 - f b / z.
    landed = int(40.5 - FOCAL_PX * 0.2 / ramp[0, 40])
    assert truth[1, 0, 5, landed] == pytest.approx(ramp[0, 40], rel=1e-5)
    swapped = collate_clips([read_clip(film, 3, how, swap=True)], (0,)).truth
    assert swapped is not None
    np.testing.assert_allclose(swapped[0, 0], truth[1, 0], rtol=1e-5)
    np.testing.assert_allclose(swapped[1, 0], truth[0, 0], rtol=1e-5)


def test_a_film_without_truth_gives_zeros_and_nobody_reads_what_nobody_asked_for(tmp_path: Path) -> None:
    def unread(number: int) -> DepthMap | None:
        raise AssertionError(number)

    (source,) = VideoSource.parse(str(write_film_world(tmp_path / "drive"))).films()
    film: Film = open_film(source, tmp_path / "cache", 80, 0.0)
    assert read_clip(replace(film, read_depth=unread), 3, VideoData(views="stereo")).points is None
    truth = collate_clips([read_clip(replace(film, read_depth=None), 3, VideoData(views="stereo", truth=True))], (0,)).truth
    assert truth is not None
    assert not truth.any()


def test_a_faded_term_starts_at_nothing_and_the_other_one_does_not(tmp_path: Path) -> None:
    assert [fade(0, 10.0), fade(10, 10.0), fade(7, 0.0)] == pytest.approx([0, np.exp(-1), 1])
    batch = views_of(tmp_path, "stereo", "truth=true").batch(0)
    parts = kuznietsov(batch, 2.4)
    of_alignment, of_truth = (kuznietsov(batch, 2.4, fade_steps=10.0, fade_in=term) for term in ("supervised", "alignment"))
    assert of_alignment["loss"] == pytest.approx(2.55 * parts["alignment"] + 0.01 * parts["smoothness"], rel=1e-4)
    assert of_truth["loss"] == pytest.approx(parts["supervised"] + 0.01 * parts["smoothness"], rel=1e-4)


def test_every_parameter_of_kuznietsovs_network_learns(tmp_path: Path) -> None:
    batch = views_of(tmp_path, "stereo", "truth=true").batch(0)
    torch.manual_seed(0)
    network = make_model("kuznietsov-tiny")
    KuznietsovTask(network, METRES, CPU).step(batch, 0).loss.backward()
    assert not [name for name, p in network.named_parameters() if p.grad is None or not p.grad.any()]
    with torch.no_grad():
        assert network(torch.randn(1, 3, 33, 47)).shape == (1, 33, 47)
    with pytest.raises(LeadlineError, match="expected data\\.video\\.views=stereo"):
        network.views(torch.zeros(1, 3, 32, 32), [torch.zeros(1, 3, 32, 32)], (1,))  # type: ignore[operator]


def small(recipe: str, architecture: str, folder: Path, source: str, *changes: str) -> Path:
    given = [
        f"model.architecture={architecture}", "model.imagenet=false", f"data.sources={source}", "data.longest=80",
        f"data.cache={folder / 'cache'}", f"run_dir={folder / 'run'}", "data.shapes=32x64", "data.batch_size=1",
        "data.validation_views=1", "optimiser.steps=1", "trainer.checkpoint_every=1", "trainer.validate_every=1",
        "trainer.precision=32-true", "trainer.trackers=jsonl", "trainer.threads=1", "trainer.accelerator=cpu",
        "trainer.log_every=1", *changes,
    ]  # fmt: skip
    return train(override(load_recipe(recipe), given))


@pytest.mark.parametrize(("recipe", "architecture"), [("ddvo", "sfmlearner-tiny"), ("geonet", "geonet-tiny")])
def test_a_second_stage_goes_on_from_the_first_ones_weights(tmp_path: Path, recipe: str, architecture: str) -> None:
    source = f"video:{write_frames(tmp_path / 'walk', slide(40))}"
    first = small(recipe, architecture, tmp_path / "first", source)
    weights = f"model.weights={first / 'weights.safetensors'}"
    second = small(recipe, architecture, tmp_path / "second", source, "video.stage=second", weights)
    assert (second / "weights.safetensors").is_file()
    log = (tmp_path / "second" / "run" / "log.jsonl").read_text()
    assert "validation/photometric" in log
    assert ("train/after_odometry" if recipe == "ddvo" else "train/kept") in log


def test_a_semi_supervised_run_gives_metres(tmp_path: Path) -> None:
    best = small("kuznietsov", "kuznietsov-tiny", tmp_path, str(write_film_world(tmp_path / "drive", 40)))
    assert (best / "weights.safetensors").is_file()
    assert "validation/abs_rel_metres" in (tmp_path / "run" / "log.jsonl").read_text()


@pytest.mark.parametrize(
    ("recipe", "architecture", "change", "message"),
    [
        ("geonet", "monodepth2-tiny", "video.near=0.1", "expected geonet for geonet"),
        ("geonet", "geonet-tiny", "data.video.views=mono_stereo", "expected mono, its motions have no metres"),
        ("geonet", "geonet-tiny", "video.stage=second", "expected model.weights of the first stage"),
        ("monodepth2", "monodepth2-tiny", "video.stage=second", "expected first, it has no other"),
        ("ddvo", "sfmlearner-tiny", "video.mean_disparity=0", "expected a positive number"),
        ("kuznietsov", "kuznietsov-tiny", "data.video.views=mono", "expected stereo"),
        ("kuznietsov", "kuznietsov-tiny", "data.video.truth_share=0", "expected more than 0 and at most 1"),
        ("kuznietsov", "kuznietsov-tiny", "data.video.truth=false", "expected data.video.truth=true, or video.supervised=0"),
    ],
)
def test_what_does_not_go_together_is_one_line(
    tmp_path: Path, recipe: str, architecture: str, change: str, message: str
) -> None:
    world = write_film_world(tmp_path / "drive")
    with pytest.raises(LeadlineError, match=message):
        small(recipe, architecture, tmp_path, str(world), change)


@pytest.mark.parametrize("name", ["ddvo", "geonet", "kuznietsov"])
def test_the_recipes_hold_the_published_numbers_and_survive_their_json(name: str) -> None:
    config = load_recipe(name)
    assert from_json(to_json(config)) == config
    published = {"ddvo": (2e-4, 1, (128, 416), 0.01), "geonet": (2e-4, 4, (128, 416), 0.5)}
    found = config.optimiser.lr, config.data.batch_size, config.data.shapes[0], config.video.smoothness
    assert found == published.get(name, found)
    assert config.video.objective == name
