from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from lightning_fabric import Fabric
from tests.reference.min_norm import min_norm_square
from torch import Tensor, nn

from leadline.data.mixing import Batch
from leadline.errors import LeadlineError
from leadline.training.checkpoint import latest_checkpoint
from leadline.training.config import Combine, GradientNormalisation, LossConfig, OptimiserConfig, TrainConfig, TrainerConfig
from leadline.training.loop import run_loop
from leadline.training.pareto import GradientPareto, SharedPareto, make_pareto, pareto_weights
from leadline.training.task import LossReport
from leadline.training.tasks.supervised import SupervisedTask

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:lightning_fabric")


class Small(nn.Module):
    """A network with a part before and a part after what it shares."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Conv2d(3, 8, 3, padding=1)
        self.decoder = nn.Conv2d(8, 1, 3, padding=1)

    def normalise(self, pixels: Tensor) -> Tensor:
        return pixels.permute(0, 3, 1, 2).float() / 255

    def forward(self, image: Tensor) -> Tensor:
        out: Tensor = self.decoder(self.encoder(image).relu())[:, 0]
        return out


def network() -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return Small().to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def pictures(count: int, seed: int = 0) -> Tensor:
    return torch.randn(count, 3, 8, 8, generator=torch.Generator().manual_seed(seed))


def objectives_of(net: nn.Module, image: Tensor) -> dict[str, Tensor]:
    """Three objectives that disagree, of one forward pass."""
    pred = net(image)
    return {"a": (pred - 1).square().mean(), "b": (pred + 3).square().mean(), "c": (pred - image[:, 0]).abs().mean()}


def report_of(objectives: dict[str, Tensor], *shared: Tensor) -> LossReport:
    return LossReport(torch.stack(list(objectives.values())).sum(), {}, objectives, shared)


@pytest.fixture
def fabric() -> Fabric:
    return Fabric(accelerator="cpu", devices=1)


def gradients_of(net: nn.Module, objective: Tensor) -> np.ndarray[Any, np.dtype[np.float64]]:
    found = torch.autograd.grad(objective, list(net.parameters()), retain_graph=True)
    return torch.cat([g.flatten() for g in found]).double().numpy()


def direction(net: nn.Module) -> np.ndarray[Any, np.dtype[np.float64]]:
    return torch.cat([p.grad.flatten() for p in net.parameters() if p.grad is not None]).double().numpy()


def pareto(fabric: Fabric, net: nn.Module, normalisation: GradientNormalisation = "none") -> GradientPareto:
    return GradientPareto(fabric, list(net.parameters()), normalisation)


def test_the_parameters_get_the_shortest_mean_of_the_objectives_gradients(fabric: Fabric) -> None:
    net = network()
    objectives = objectives_of(net, pictures(4))
    gradients = np.stack([gradients_of(net, objective) for objective in objectives.values()])
    mixed = pareto(fabric, net)
    mixed.add(report_of(objectives))
    told = mixed.finish()
    weights = np.array([float(told[f"weight_{name}"]) for name in objectives])
    assert weights.sum() == pytest.approx(1)
    assert direction(net) == pytest.approx(weights @ gradients, rel=1e-5, abs=1e-6)
    assert direction(net) @ direction(net) == pytest.approx(min_norm_square(gradients), rel=1e-5)
    shortest = direction(net) @ direction(net)
    assert (gradients @ direction(net) >= shortest - 1e-6 * np.linalg.norm(gradients, axis=1)).all()  # all objectives fall
    for p in net.parameters():
        assert p.grad is not None
        assert p.grad.stride() == p.stride()


def test_identical_objectives_give_the_sums_gradient_up_to_their_number(fabric: Fabric) -> None:
    net = network()
    one = objectives_of(net, pictures(4))["a"]
    mixed = pareto(fabric, net)
    mixed.add(report_of({"a": one, "b": one * 1.0, "c": one * 1.0}))
    mixed.finish()
    assert 3 * direction(net) == pytest.approx(gradients_of(net, 3 * objectives_of(net, pictures(4))["a"]), rel=1e-5, abs=1e-6)


def test_a_second_step_remembers_nothing_of_the_first(fabric: Fabric) -> None:
    net = network()
    mixed, fresh = pareto(fabric, net), pareto(fabric, net)
    mixed.add(report_of(objectives_of(net, pictures(4, seed=9))))
    mixed.finish()
    found = []
    for solver in (mixed, fresh):
        solver.add(report_of({"b": objectives_of(net, pictures(4))["b"], "a": objectives_of(net, pictures(4))["a"]}))
        told = solver.finish()
        found.append(direction(net))
        assert float(told.get("weight_c", torch.zeros(()))) == 0
    assert found[0] == pytest.approx(found[1], rel=1e-5, abs=1e-6)


@pytest.mark.parametrize("combine", ["pareto", "pareto_shared"])
def test_one_forward_pass_and_one_for_each_data_set_are_the_same_step(fabric: Fabric, combine: Combine) -> None:
    found = []
    for apart in (False, True):
        net = network()
        mixed = make_pareto(fabric, net, combine, "none")
        assert mixed is not None
        together = net(torch.cat([pictures(2, 1), pictures(3, 2)]))
        preds = (net(pictures(2, 1)), net(pictures(3, 2))) if apart else (together[:2], together[2:])
        objectives = {"a": (preds[0] - 1).square().mean(), "b": (preds[1] + 3).square().mean()}
        mixed.add(report_of(objectives, *(preds if apart else (together,))))
        told = mixed.finish()
        found.append((direction(net), [float(w) for w in told.values()]))
    assert found[0][0] == pytest.approx(found[1][0], rel=1e-4, abs=1e-6)
    assert found[0][1] == pytest.approx(found[1][1], rel=1e-4)


@pytest.mark.parametrize("kind", [GradientPareto, SharedPareto])
def test_one_batch_and_one_batch_for_each_data_set_are_the_same_step(fabric: Fabric, kind: Any) -> None:
    found = []
    for apart in (False, True):
        net = network()
        mixed = kind(fabric, list(net.parameters()))
        images = {"a": pictures(2, 1), "b": pictures(3, 2)}
        shared = net(torch.cat(list(images.values())))
        preds = {"a": shared[:2], "b": shared[2:]}
        if apart:
            preds = {name: net(image) for name, image in images.items()}
        objectives = {"a": (preds["a"] - 1).square().mean(), "b": (preds["b"] + 3).square().mean()}
        if apart:
            for name, objective in objectives.items():
                mixed.add(LossReport(objective, {}, {name: objective}, (preds[name],)))
        else:
            mixed.add(report_of(objectives, shared))
        told = mixed.finish()
        found.append((direction(net), [float(w) for w in told.values()]))
    assert found[0][0] == pytest.approx(found[1][0], rel=1e-4, abs=1e-6)
    assert found[0][1] == pytest.approx(found[1][1], rel=1e-4)


def test_an_objective_counts_once_however_many_batches_it_fills(fabric: Fabric) -> None:
    found = []
    for times in (1, 3):
        net = network()
        mixed = pareto(fabric, net)
        objectives = objectives_of(net, pictures(4))
        mixed.add(report_of(objectives))
        for _ in range(times - 1):
            mixed.add(report_of({"b": objectives_of(net, pictures(4))["b"]}))
        mixed.finish()
        found.append(direction(net))
    assert found[0] == pytest.approx(found[1], rel=1e-4, abs=1e-6)


def test_the_shared_variant_weighs_by_gradients_in_what_is_shared(fabric: Fabric) -> None:
    net = network()
    shared = net(pictures(4))
    objectives = {"a": (shared[:2] - 1).square().mean(), "b": 5 * (shared[2:] + 3).square().mean()}
    squares = [float(torch.autograd.grad(o, shared, retain_graph=True)[0].square().sum()) for o in objectives.values()]
    mixed = make_pareto(fabric, net, "pareto_shared", "none")
    assert mixed is not None
    expected = np.array([1 / squares[0], 1 / squares[1]]) / (1 / squares[0] + 1 / squares[1])  # different pictures: orthogonal
    sum_of = expected[0] * gradients_of(net, objectives["a"]) + expected[1] * gradients_of(net, objectives["b"])
    mixed.add(report_of(objectives, shared))
    assert [float(w) for w in mixed.finish().values()] == pytest.approx(expected, rel=1e-5)
    assert direction(net) == pytest.approx(sum_of, rel=1e-4, abs=1e-6)


def test_an_objective_without_a_gradient_does_not_stop_the_others(fabric: Fabric) -> None:
    net = network()
    alone = objectives_of(net, pictures(4))["a"]
    mixed = pareto(fabric, net)
    mixed.add(report_of({"a": alone, "empty": torch.zeros(()), "flat": 0 * alone}))
    assert [float(w) for w in mixed.finish().values()] == [1, 0, 0]
    assert direction(net) == pytest.approx(gradients_of(net, objectives_of(net, pictures(4))["a"]), rel=1e-6)
    mixed.add(report_of({"empty": torch.zeros(())}))
    assert not any(float(w) for w in mixed.finish().values())
    assert not direction(net).any()


@pytest.mark.parametrize("normalisation", ["none", "l2", "loss", "loss+"])
def test_weights_sum_to_one_and_lower_every_objective_by_any_normalisation(normalisation: GradientNormalisation) -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        gradients = (rng.normal(size=(5, 40)) + rng.normal(size=40)) * 10 ** rng.uniform(-2, 2, (5, 1))
        losses = rng.uniform(0.1, 10, 5)
        weights = pareto_weights(gradients @ gradients.T, losses, normalisation)
        assert weights.min() >= 0
        assert weights.sum() == pytest.approx(1)
        assert (gradients @ (weights @ gradients) > 0).all()
        if normalisation in ("l2", "loss"):  # then a data set's unit does not matter
            scale = np.array([1, 1, 7.0, 1, 1])
            told = pareto_weights(gradients @ gradients.T * np.outer(scale, scale), losses * scale, normalisation)
            assert told * scale / (told @ scale) == pytest.approx(weights, rel=1e-6, abs=1e-9)


def test_what_can_not_be_mixed_is_refused_with_the_next_step(fabric: Fabric) -> None:
    net = network()
    assert make_pareto(fabric, net, "sum", "none") is None
    with pytest.raises(LeadlineError, match="one objective; take sum"):
        pareto(fabric, net).add(LossReport(net(pictures(1)).mean()))
    with pytest.raises(LeadlineError, match="no shared representation; take pareto"):
        SharedPareto(fabric, list(net.parameters())).add(report_of(objectives_of(net, pictures(1))))
    with pytest.raises(LeadlineError, match=r"gradient_normalisation=loss\+: an objective is -1, expected above 0"):
        pareto_weights(np.eye(2), np.array([1.0, -1.0]), "loss+")


def config(run_dir: Path, **changes: Any) -> TrainConfig:
    return TrainConfig(
        "small.test",
        str(run_dir),
        loss=LossConfig(scales=2),
        optimiser=OptimiserConfig(**{"steps": 3, "warmup_steps": 1, "combine": "pareto", **changes}),
        trainer=TrainerConfig(accelerator="cpu", precision="bf16-mixed", log_every=1, validate_every=9, checkpoint_every=9),
    )


def mixtures(start: int, step: int) -> Iterator[Batch]:
    """Batches of two sources."""
    while True:
        rng = np.random.default_rng(start)
        disparity = np.kron(rng.random((4, 4, 4)), np.ones((4, 4))).astype(np.float32)
        image = np.repeat((disparity * 200)[..., None], 3, axis=3).astype(np.uint8)
        pairs = np.zeros((4, 0, 5), np.float32)
        yield Batch(image, disparity, rng.random(disparity.shape) < 0.9, pairs, np.array([3, 0, 3, 3]))
        start += step


def test_the_loop_mixes_sources_in_bf16_and_logs_their_weights(tmp_path: Path) -> None:
    trained, before = network(), network().state_dict()
    run = config(tmp_path / "run", accumulate=2)
    run_loop(run, trained, lambda n, device: SupervisedTask(n, run.loss, device, apart=True), mixtures)
    assert not any(torch.equal(value, before[name]) for name, value in trained.state_dict().items())
    lines = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    weights = [line["train/weight_0"] + line["train/weight_3"] for line in lines if "train/loss" in line]
    assert weights == pytest.approx([1, 1, 1], abs=2e-5)


class Poisoned:
    """Two objectives, one of which is not a number in step 1."""

    def __init__(self, wrapped: nn.Module) -> None:
        self.wrapped = wrapped

    def step(self, batch: Batch, number: int) -> LossReport:
        pred = self.wrapped(torch.from_numpy(batch.image).permute(0, 3, 1, 2).float() / 255)
        objectives = {"a": pred.square().mean(), "b": (pred - 1).square().mean() * (torch.nan if number == 1 else 1)}
        return report_of(objectives, pred)


@pytest.mark.parametrize("combine", ["pareto", "pareto_shared"])
def test_a_step_with_one_objective_that_is_not_finite_is_skipped(tmp_path: Path, combine: str) -> None:
    trained = network()
    run_loop(config(tmp_path / "run", combine=combine), trained, lambda n, _: Poisoned(n), mixtures)
    assert json.loads((latest_checkpoint(tmp_path / "run") / "progress.json").read_text())["skipped"] == 1
    assert all(torch.isfinite(p).all() for p in trained.parameters())


IMAGES = {"a": (pictures(2, 1), 1.0), "b": (pictures(2, 2), -3.0), "c": (pictures(2, 3), 9.0)}


def train_a_share(fabric: Fabric, out: Path) -> None:
    """Take three steps by each kind of mixing; two processes share pictures, but for data set c, which the second has."""
    rank, world = fabric.global_rank, fabric.world_size
    torch.set_num_threads(1)
    for combine in ("pareto", "pareto_shared"):
        net = network()
        optimiser = torch.optim.SGD(net.parameters(), 0.1)
        wrapped, wrapped_optimiser = fabric.setup(net, optimiser)
        mixed = make_pareto(fabric, net, combine, "loss+")  # type: ignore[arg-type]
        assert mixed is not None
        for _ in range(3):
            mine = {name: (x if name == "c" else x[rank::world], y) for name, (x, y) in IMAGES.items()}
            if rank < world - 1:
                mine.pop("c")
            else:
                mine = dict(reversed(mine.items()))  # in another order than the first process
            with fabric.no_backward_sync(wrapped):
                pred = wrapped(torch.cat([x for x, _ in mine.values()]))
                parts = dict(zip(mine, pred.split([len(x) for x, _ in mine.values()]), strict=True))
                mixed.add(report_of({name: (part - mine[name][1]).square().mean() for name, part in parts.items()}, pred))
            mixed.finish()
            wrapped_optimiser.step()
            wrapped_optimiser.zero_grad()
        torch.save(net.state_dict(), out / f"{combine}-{rank}-of-{world}.pt")


def test_two_processes_take_the_steps_of_one_on_the_doubled_batch(tmp_path: Path, fabric: Fabric) -> None:
    train_a_share(fabric, tmp_path)
    Fabric(accelerator="cpu", devices=2, strategy="ddp_spawn").launch(train_a_share, tmp_path)
    for combine in ("pareto", "pareto_shared"):
        one, first, second = (
            torch.load(tmp_path / f"{combine}-{rank}.pt", weights_only=True) for rank in ("0-of-1", "0-of-2", "1-of-2")
        )
        for name, start in network().state_dict().items():
            assert torch.equal(first[name], second[name])
            assert not torch.allclose(one[name], start, atol=1e-4)
            torch.testing.assert_close(first[name], one[name], rtol=1e-4, atol=1e-6)
