"""Random checkpoints with the published names and shapes give what an independent twin computes from those names."""

from __future__ import annotations

import pickle
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.reference import stereo_networks as reference
from tests.unit.models.stereo import published_names as published
from torch import Tensor

from leadline.errors import LeadlineError
from leadline.models.stereo.published import read_published
from leadline.models.stereo.registry import load_stereo_network

TINY_RAFT = {"widths": (8, 8, 8), "hidden": 8, "features": 12, "head": 8, "motion": (8, 8, 12)}
TINY_CRE = published.crestereo((8, 8, 8), 16, 8, (8, 8, 8, 8, 12))


def pair(hw: tuple[int, int]) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(5)
    texture = torch.rand(1, 3, hw[0], hw[1] + 6, generator=generator) * 2 - 1
    return texture[..., : hw[1]].contiguous(), texture[..., 6:].contiguous()


def as_numpy(state: dict[str, Tensor]) -> dict[str, np.ndarray]:
    return {name.removeprefix("module."): tensor.numpy() for name, tensor in state.items()}


@pytest.mark.parametrize(
    ("settings", "levels", "slow_fast"),
    [({}, 3, False), ({"batch": False, "levels": 1}, 1, False), ({"shared": True, "levels": 2, "downsample": 3}, 2, True)],
    ids=["three levels", "one level, instance norm", "real-time"],
)
def test_a_raft_stereo_checkpoint_gives_the_released_networks_disparity(
    tmp_path: Path, settings: dict[str, int], levels: int, slow_fast: bool
) -> None:
    state = published.random_state(published.raft_stereo(**TINY_RAFT, **settings))  # type: ignore[arg-type]
    torch.save(state, tmp_path / "raft.pth")
    network = load_stereo_network(tmp_path / "raft.pth")
    left, right = pair((64, 128) if settings.get("downsample") == 3 else (64, 64))
    with torch.no_grad():
        got = network.steps(left, right, 3)[-1][0, 0].double().numpy()
    expected = reference.raft_stereo(as_numpy(state), left[0].double().numpy(), right[0].double().numpy(), 3, levels, slow_fast)
    assert expected.std() > 0.01
    np.testing.assert_allclose(got, expected, rtol=1e-3, atol=2e-4 * np.abs(expected).max())


def test_a_crestereo_checkpoint_gives_the_released_networks_disparity_at_both_sizes(tmp_path: Path) -> None:
    state = published.random_state(TINY_CRE)
    mge = {name: t.numpy().reshape(1, -1, 1, 1) if name.endswith(".bias") and "norm" not in name else t.numpy()
           for name, t in state.items()}  # fmt: skip
    with (tmp_path / "crestereo.mge").open("wb") as file:
        pickle.dump({"epoch": 1, "state_dict": OrderedDict(mge)}, file)
    network = load_stereo_network(tmp_path / "crestereo.mge")
    left, right = pair((64, 96))
    views = [view[0].double().numpy() for view in (left, right)]
    with torch.no_grad():
        got = network.steps(left, right, 4)[-1][0].double().numpy()
        network.iterations = 2
        cascaded = network(left, right)[0].double().numpy()
    expected = reference.crestereo(as_numpy(state), *views, 4, heads=8)
    assert expected.std() > 0.01
    np.testing.assert_allclose(got, expected, rtol=1e-3, atol=2e-4 * np.abs(expected).max())

    halves = [reference.stretch(view, (32, 48)) for view in views]
    start = reference.crestereo(as_numpy(state), *halves, 2, heads=8)
    expected = reference.crestereo(as_numpy(state), *views, 2, heads=8, start=start)[0]
    np.testing.assert_allclose(cascaded, expected, rtol=1e-3, atol=2e-4 * np.abs(expected).max())


@pytest.mark.parametrize(
    ("shapes", "parameters"),
    [
        (published.raft_stereo(), 11_116_176),  # what the released code prints; the paper says 11.23 M
        (published.raft_stereo(shared=True, levels=2, downsample=3), None),
        (published.crestereo(), 5_432_948),  # the paper says 5.4 M
    ],
    ids=["raft-stereo", "real-time", "crestereo"],
)
def test_names_and_shapes_are_those_of_the_published_files(
    shapes: published.Shapes, parameters: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    with torch.device("meta"):
        tensors = {name: torch.empty(shape) for name, shape in shapes.items()}
        monkeypatch.setattr("leadline.models.stereo.published._read", lambda path: tensors)
        network, state = read_published(Path("published.pth"))
    assert {n: t.shape for n, t in state.items()} == {n: t.shape for n, t in network.state_dict().items()}
    if parameters is not None:
        assert sum(p.numel() for p in network.parameters()) == parameters


class Harm:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):  # type: ignore[no-untyped-def]
        return Path.touch, (self.path,)


@pytest.mark.parametrize(
    ("name", "write", "message"),
    [
        ("a.pth", lambda path: path.write_bytes(b"no"), "can't read weights"),
        ("a.pth", lambda path: torch.save([1], path), "holds no tensors by name"),
        ("a.pth", lambda path: torch.save({"other": torch.zeros(1)}, path), "is no checkpoint of RAFT-Stereo or CREStereo"),
        ("a.pth", lambda path: torch.save({"conv_offset_16.weight": torch.zeros(1)}, path), "lacks 'fnet.conv2.weight'"),
        ("a.mge", lambda path: path.write_bytes(pickle.dumps(Harm(path.parent / "harm"))), "it asks for"),
        ("a.safetensors", lambda path: path.write_bytes(b"no"), "does not say which network it is"),
    ],
)  # fmt: skip
def test_another_file_is_refused_in_one_line_and_no_code_in_it_runs(tmp_path: Path, name: str, write, message: str) -> None:  # type: ignore[no-untyped-def]
    write(tmp_path / name)
    with pytest.raises(LeadlineError, match=message) as error:
        load_stereo_network(tmp_path / name)
    assert "\n" not in str(error.value)
    assert not (tmp_path / "harm").exists()


def test_a_checkpoint_that_lacks_a_weight_is_refused(tmp_path: Path) -> None:
    state = published.random_state(TINY_CRE)
    del state["update_block.mask.2.bias"]
    torch.save(state, tmp_path / "crestereo.pth")
    with pytest.raises(LeadlineError, match=r"does not fit this network: heads\.weights\.2\.bias"):
        load_stereo_network(tmp_path / "crestereo.pth")
