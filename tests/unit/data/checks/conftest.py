"""Sound data of the analytic world, drawn once: what the checks must pass over in silence, and mistakes are planted into."""

import numpy as np
import pytest

from leadline.data.checks.finding import Look
from leadline.data.datasets.stereo_pair import StereoPair
from leadline.data.synthetic.analytic import make_sample, make_stereo_pair, make_world, render_view, sample_of
from leadline.data.synthetic.scene import View


@pytest.fixture(scope="session")
def sound():
    """Twelve pictures of as many worlds."""
    return [make_sample(seed, (192, 256), name=f"world/{seed}") for seed in range(12)]


@pytest.fixture(scope="session")
def pairs():
    """Rectified stereo pairs with metric depth."""
    found = []
    for seed in (2, 3, 5, 7):
        stereo = make_stereo_pair(seed, (192, 256), baseline_m=0.3, fov_deg=60)
        left = vars(stereo.left) | {"name": f"pair/{seed}"}
        found.append(StereoPair(**left, right=stereo.right.image, baseline_m=stereo.baseline_m))
    return found


@pytest.fixture(scope="session")
def film():
    """A camera that walks and turns through one world."""
    world, view = make_world(np.random.default_rng(0), 70.0)
    frames = []
    for i in range(6):
        turn = np.radians(3.0 * i)
        step = np.eye(4)
        step[:3, :3] = [[np.cos(turn), 0, np.sin(turn)], [0, 1, 0], [-np.sin(turn), 0, np.cos(turn)]]
        step[:3, 3] = 0.12 * i, 0.02 * i, 0.1 * i
        frames.append(sample_of(render_view(world, View(view.world_from_camera @ step, 70.0), (96, 128)), f"film/{i:03d}"))
    return frames


@pytest.fixture(scope="session")
def found():
    """A function that lets a check see samples and returns its findings by name of the mistake."""

    def run(check, samples):
        for sample in samples:
            check.see(Look(sample))
        return {finding.mistake: finding for finding in check.findings()}

    return run
