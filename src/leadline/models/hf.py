"""Depth networks of Hugging Face transformers as Predictors.

Nothing of transformers' image processing is run: the processor's settings become a `ModelCard`, and pictures go the same way
as for any other network of leadline. Where a processor would squash pictures to a square, the square's side becomes their
shorter one; where the network knows nothing but the square, they are fitted into it unsquashed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from importlib.util import find_spec
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from leadline.depth_map import METRIC_DEPTH, RELATIVE_DISPARITY, Kind
from leadline.errors import LeadlineError
from leadline.predictor import ModelCard
from leadline.runtime.engine_predictor import EnginePredictor

# Of the model types that give one map of one picture. DPT stands for MiDaS 3.
_KINDS = {
    "depth_anything": RELATIVE_DISPARITY,  # or depth/metric, as the config says
    "dpt": RELATIVE_DISPARITY,
    "zoedepth": METRIC_DEPTH,
    "glpn": METRIC_DEPTH,
}
# What transformers' processors do when a model comes without settings (their class defaults and the published checkpoints').
_PROCESSORS: dict[str, dict[str, Any]] = {
    "depth_anything": {
        "size": {"height": 518, "width": 518},
        "ensure_multiple_of": 14,
        "image_mean": (0.485, 0.456, 0.406),
        "image_std": (0.229, 0.224, 0.225),
    },
    "dpt": {
        "size": {"height": 384, "width": 384},
        "ensure_multiple_of": 32,
        "image_mean": (0.5, 0.5, 0.5),
        "image_std": (0.5, 0.5, 0.5),
    },
    "zoedepth": {
        "size": {"height": 384, "width": 512},
        "ensure_multiple_of": 32,
        "image_mean": (0.5, 0.5, 0.5),
        "image_std": (0.5, 0.5, 0.5),
    },
    "glpn": {
        "size": {"height": 480, "width": 640},
        "ensure_multiple_of": 32,
        "image_mean": (0.0, 0.0, 0.0),
        "image_std": (1.0, 1.0, 1.0),
    },
}


def load_hf_predictor(
    name_or_config: Any, *, kind: Kind | None = None, precision: str = "auto", device: str | None = None
) -> EnginePredictor:
    """Load a depth network of transformers: "depth-anything/Depth-Anything-V2-Small-hf", "Intel/dpt-large", ...

    Args:
        name_or_config: a name on the Hugging Face Hub, a folder that `save_pretrained` wrote, or a configuration, which gives a
            network with random weights.
        kind: what the numbers mean; by default by the model's type and configuration.
        precision: "fp32" (and "auto"), or "bf16" for automatic mixed precision.
        device: "cpu", "cuda", ...; by default CUDA where there is one.

    Raises:
        LeadlineError: no such model or no way to it, not safetensors, or not a network from one picture to one map.
    """
    network, card = load_hf_network(name_or_config)
    chosen = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
    network = network.to(chosen)
    input_hw = (card.input_size, card.input_size) if network.takes_squares_only else None
    engine = TorchEngine(network, chosen, "bf16" if precision == "bf16" else "fp32", input_hw)
    exact = TorchEngine(network, chosen, "fp32", input_hw)
    return EnginePredictor(engine, card if kind is None else replace(card, kind=kind), lambda: exact)


def load_hf_network(name_or_config: Any) -> tuple[HfNetwork, ModelCard]:
    """Load the network behind `load_hf_predictor` and its card, for export or training; see there."""
    config, network, processor, name = hf_pieces(name_or_config)
    return HfNetwork(network), make_card(name, config, processor)


def make_card(name: str, config: Any, processor: Mapping[str, Any]) -> ModelCard:
    """Return the card of a transformers network from its configuration and its image processor's settings.

    Raises:
        LeadlineError: a model type whose output leadline does not know.
    """
    if config.model_type not in _KINDS:
        raise LeadlineError(
            f"{name} is of type {config.model_type!r}: expected one of {', '.join(_KINDS)}; "
            "export it to ONNX and give --model FILE.onnx --kind KIND"
        )
    kind = METRIC_DEPTH if getattr(config, "depth_estimation_type", "") == "metric" else _KINDS[config.model_type]
    settings = {**_PROCESSORS[config.model_type], **{key: value for key, value in processor.items() if value is not None}}
    size = settings["size"]
    sides = (
        (size, size) if isinstance(size, int) else tuple(size.get(key) or size["shortest_edge"] for key in ("height", "width"))
    )
    multiple = max(int(settings.get("size_divisor") or 1), int(settings["ensure_multiple_of"]), _patch(config))
    mean, std = (tuple(255.0 * float(number) for number in settings[key]) for key in ("image_mean", "image_std"))
    return ModelCard(
        name,
        kind,
        licence="that of the model's page",
        mean=(mean[0], mean[1], mean[2]),
        std=(std[0], std[1], std[2]),
        size_multiple=multiple,
        input_size=max(multiple, min(sides) // multiple * multiple),
        resize_side="shorter",
        notes="Loaded through transformers; see the model's page for its licence and training data.",
    )


class HfNetwork(nn.Module):
    """A depth network of transformers as (n, 3, h, w) normalised pictures to (n, h', w') maps.

    Depth Anything's head is replaced by one that keeps its sizes symbolic: the original turns them into Python numbers, so
    that an exported network would know one size alone.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network.eval().requires_grad_(False)
        if network.config.model_type == "depth_anything":  # type: ignore[union-attr]
            head: Any = network.head
            network.head = _FreeSizeHead(head)

    @property
    def takes_squares_only(self) -> bool:
        """Whether the input must be a square: transformers' DPT takes its tokens for one, except from a backbone's."""
        config: Any = self.network.config
        return config.model_type == "dpt" and bool(config.is_hybrid or config.backbone_config is None)

    def spell_out_attention(self) -> None:
        """Compute attention as products and a softmax, which inference engines know how to fuse.

        torch's own fused attention is exported with guards against rows that are masked altogether, which keep OpenVINO from
        fusing it again: Depth Anything V2 Small at 518 x 686 took 1.6 times as long in fp32, 1.8 times in bf16.
        """
        network: Any = self.network
        network.set_attn_implementation("eager")

    def forward(self, image: Tensor) -> Tensor:
        """Return the network's map, as it leaves the head."""
        predicted: Tensor = self.network(pixel_values=image).predicted_depth
        return predicted


class _FreeSizeHead(nn.Module):
    """Depth Anything's head with its own layers."""

    def __init__(self, head: Any) -> None:
        super().__init__()
        self.head = head

    def forward(self, hidden_states: list[Tensor], patch_height: int, patch_width: int) -> Tensor:
        head: Any = self.head
        x = head.conv1(hidden_states[head.head_in_index])
        hw = patch_height * head.patch_size, patch_width * head.patch_size
        x = head.conv2(F.interpolate(x, hw, mode="bilinear", align_corners=True))
        x = head.activation2(head.conv3(head.activation1(x))) * head.max_depth
        disparity: Tensor = x[:, 0]
        return disparity


class TorchEngine:
    """A network in torch behind the interface of `leadline.runtime.engine.Engine`."""

    name = "torch"
    streams = 1

    def __init__(
        self, network: nn.Module, device: torch.device, precision: str, input_hw: tuple[int, int] | None = None
    ) -> None:
        self.network, self._device = network, device
        self.device, self.precision, self.input_hw = device.type.upper(), precision, input_hw

    def run(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the (n, h', w') maps of an (n, 3, h, w) batch."""
        mixed = torch.autocast(self._device.type, dtype=torch.bfloat16, enabled=self.precision == "bf16")
        with torch.inference_mode(), mixed:
            maps: Tensor = self.network(torch.from_numpy(batch).to(self._device))
        return maps.float().cpu().numpy()


def hf_pieces(name_or_config: Any) -> tuple[Any, nn.Module, dict[str, Any], str]:
    """Return configuration, network, processor settings and name; see `load_hf_predictor`."""
    check_installed()
    from transformers import AutoModelForDepthEstimation

    if not isinstance(name_or_config, str):
        network = AutoModelForDepthEstimation.from_config(name_or_config)  # type: ignore[no-untyped-call]
        return name_or_config, network, {}, f"{name_or_config.model_type}.random"
    config = hf_config(name_or_config)
    try:
        network = AutoModelForDepthEstimation.from_pretrained(name_or_config, use_safetensors=True)
    except (OSError, ValueError) as error:
        raise not_loaded(name_or_config, error) from None
    return config, network, hf_processor(name_or_config), name_or_config.rstrip("/").rpartition("/")[2]


def hf_config(name_or_settings: str | dict[str, Any]) -> Any:
    """Return a configuration by name or folder, or from its `to_dict`.

    Raises:
        LeadlineError: transformers is missing, or the name can't be loaded.
    """
    check_installed()
    from transformers import AutoConfig

    if not isinstance(name_or_settings, str):
        return AutoConfig.for_model(**name_or_settings)
    try:
        return AutoConfig.from_pretrained(name_or_settings)
    except (OSError, ValueError) as error:
        raise not_loaded(name_or_settings, error) from None


def hf_processor(name: str) -> dict[str, Any]:
    """Return the settings of a model's image processor, {} if it comes without."""
    from transformers.image_processing_base import ImageProcessingMixin

    try:
        settings, _ = ImageProcessingMixin.get_image_processor_dict(name)
    except OSError:
        return {}
    return dict(settings)


def check_installed() -> None:
    """Raise LeadlineError if transformers is missing."""
    if find_spec("transformers") is None:
        raise LeadlineError("networks of Hugging Face need the package transformers: pip install 'leadline[train]'")


def not_loaded(name: str, error: Exception) -> LeadlineError:
    """Return the error of a model that transformers can't load."""
    reason = next(iter(str(error).splitlines()), type(error).__name__)[:160]
    return LeadlineError(
        f"can't load {name!r} through transformers ({reason}): check the name and the connection, "
        "or give an .onnx file or a folder"
    )


def _patch(config: Any) -> int:
    """Return the side of a transformer's patches, of which sides must be multiples; 1 for none."""
    return int(getattr(config, "patch_size", None) or 1)
