import numpy as np
import pytest
import torch
from tests.unit.data.small_tom_world import draw

from leadline.data.class_views import ClassBatch
from leadline.errors import LeadlineError
from leadline.models.tom_segmenter import is_segmenter_run, load_trained_segmenter, make_segmenter, segmenter_names
from leadline.training.tasks.segmentation import SegmentationSettings, SegmentationTask

TINY = "leadline-tom-seg-tiny"


@pytest.mark.parametrize("name", segmenter_names())
def test_every_segmenter_answers_at_odd_multiples_and_every_parameter_learns(name):
    torch.manual_seed(0)
    network = make_segmenter(name)
    logits = network(torch.randn(2, 3, 96, 160))
    assert logits.shape == (2, 4, 96, 160)
    logits.square().mean().backward()
    assert not [name for name, p in network.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]


def test_the_shipped_architecture_fits_into_15_megabytes_of_half_precision():
    assert sum(p.numel() for p in make_segmenter("leadline-tom-seg.v1").parameters()) * 2 < 15e6


def test_a_tiny_network_learns_four_views_by_heart():
    torch.manual_seed(0)
    network = make_segmenter(TINY)
    network.encoder.load_imagenet()
    network.encoder.freeze(2)
    pairs = [draw(seed, (64, 64)) for seed in range(4)]
    image, classes = (np.stack(parts) for parts in zip(*pairs, strict=True))
    batch = ClassBatch(image, classes, np.ones(classes.shape, bool))
    task = SegmentationTask(network, SegmentationSettings(), torch.device("cpu"))
    optimiser = torch.optim.AdamW([p for p in network.parameters() if p.requires_grad], lr=4e-3)
    losses = []
    for number in range(22):
        report = task.step(batch, number)
        optimiser.zero_grad()
        report.loss.backward()
        optimiser.step()
        losses.append(float(report.loss.detach()))
    with torch.no_grad():
        said = network(network.normalise(torch.from_numpy(image))).argmax(dim=1).numpy()
    assert losses[-1] < 0.25 * losses[0]
    assert (said == classes).mean() > 0.95
    for index in (1, 2, 3):
        assert ((said == index) & (classes == index)).sum() / ((said == index) | (classes == index)).sum() > 0.75


def test_pixels_are_normalised_as_the_card_says():
    network = make_segmenter(TINY)
    card = network.card("x.v1")
    pixels = torch.randint(0, 256, (1, 4, 5, 3), dtype=torch.uint8)
    expected = (pixels.numpy().astype(np.float32) - card.mean) / card.std
    np.testing.assert_allclose(network.normalise(pixels)[0].permute(1, 2, 0).numpy(), expected[0], rtol=1e-6)


def test_an_unknown_name_and_a_folder_that_is_no_run_are_refused(tmp_path):
    with pytest.raises(LeadlineError, match="unknown segmenter 'leadline-s': expected one of leadline-tom-seg, "):
        make_segmenter("leadline-s")
    assert not is_segmenter_run(tmp_path)
    with pytest.raises(LeadlineError, match="no checkpoint of a segmenter"):
        load_trained_segmenter(tmp_path)
