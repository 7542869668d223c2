"""What a training run is, as one typed value; `override` changes single numbers from the command line."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, is_dataclass, replace
from difflib import get_close_matches
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from leadline.data.clips import VideoData
from leadline.data.mixing import Mixing
from leadline.data.stereo_transforms import StereoAugmentation
from leadline.data.transforms import Augmentation
from leadline.errors import LeadlineError
from leadline.training.distillation_settings import DistillationSettings
from leadline.training.stereo_settings import StereoSettings
from leadline.training.video_settings import VideoSettings

T = TypeVar("T")

Combine = Literal["sum", "pareto", "pareto_shared"]
GradientNormalisation = Literal["none", "l2", "loss", "loss+"]


@dataclass(frozen=True)
class ModelConfig:
    """The network.

    Attributes:
        architecture: a name of `leadline.models.registry`, or ``hf:NAME`` for a network of Hugging Face transformers.
        imagenet: start the encoder from its ImageNet weights.
        frozen_stages: the stem and so many of the encoder's seven stages keep those weights; 2 saves a fifth of a step.
        weights: a safetensors or published .pt file to start the network from (`leadline.models.registry.load_weights`), or "".
        freeze: layers that keep their weights, by the beginnings of their parameters' names: ``encoder.stem,encoder.stages.0``.
        head: "own" for what the network is made for; "sigmoid" or "log" for metric depth (`leadline.models.metric_head`).
        max_depth: of a metric head, metres.
        gradient_checkpointing: compute the encoder's activations twice instead of keeping them, where the network can.
    """

    architecture: str = "leadline-s"
    imagenet: bool = True
    frozen_stages: int = 2
    weights: str = ""
    freeze: tuple[str, ...] = ()
    head: Literal["own", "sigmoid", "log"] = "own"
    max_depth: float = 80.0
    gradient_checkpointing: bool = False


@dataclass(frozen=True)
class DataConfig:
    """The training views.

    Attributes:
        sources: folders of rendered worlds, or ``READER@FOLDER`` for a data set reader; ``#FAMILY`` behind it makes the truth
            as wrong as that family's (`leadline.data.degrade`); ``shards:FOLDER`` for what ``leadline label teacher`` wrote.
        root: a folder of one's own pictures and depth files, short for one source ``images_and_depths@ROOT``
            (docs/how-to/own-data.md).
        labels: with it, `root` is a folder of photos, and this one what ``leadline label virtual`` made of them
            (docs/how-to/glass.md): short for one source ``ROOT::LABELS``.
        mixing, weights, temperature: how the sources share the batches, see `leadline.data.mixing.MixedViews`; `weights`
            empty for all equal.
        most_broken: views that can't be read before the run gives up.
        cache: folder of decoded views.
        shapes: heights and widths of batches, multiples of 32.
        batch_size: views a step.
        longest: longer side of the stored views, pixels.
        workers: threads that make batches; one keeps up with a network on a CPU, a GPU wants most of the cores.
        ingest_every_s: seconds between two looks for new views; 0 for one look at the start.
        validation_views: held-out views scored at each validation; the best checkpoint is chosen by them.
        zero_shot: folder with real samples (``dev/`` below it) that are scored and logged too, but choose nothing; "" for none.
        augmentation: how views are changed.
        stereo: how pairs are changed, in the training of stereo networks; their sources are those of
            `leadline.data.stereo_sources.StereoSource`.
        video: how clips are cut from films, in the training of networks that learn from them; their sources are those of
            `leadline.data.film_sources.VideoSource`.
    """

    sources: tuple[str, ...] = ()
    root: str = ""
    labels: str = ""
    mixing: Mixing = "weighted"
    weights: tuple[float, ...] = ()
    temperature: float = 2.0
    most_broken: int = 20
    cache: str = "runs/cache"
    shapes: tuple[tuple[int, int], ...] = ((256, 256), (224, 288), (288, 224), (192, 320))
    batch_size: int = 8
    longest: int = 384
    workers: int = 1
    ingest_every_s: float = 60.0
    validation_views: int = 96
    zero_shot: str = ""
    augmentation: Augmentation = field(default_factory=Augmentation)
    stereo: StereoAugmentation = field(default_factory=StereoAugmentation)
    video: VideoData = field(default_factory=VideoData)


@dataclass(frozen=True)
class LossConfig:
    """What is minimised; by default MiDaS's objective (METHODS A.1).

    Attributes:
        objective: a name of `leadline.losses.registry`, "ranking" for ReDWeb's on pairs drawn from each map, or "virtual_label"
            for Depth4ToM's on labels of the same network, whose unit it holds (`stride` must be 1).
        gradient_weight: alpha, at stride 1, of objectives whose name ends in "+gradient".
        share: of residuals kept by the trimmed term.
        scales: of the gradient term.
        stride: the loss looks at every n-th pixel in both directions, from a new corner each step; on a CPU a loss at full
            resolution costs a fifth of the step.
        anchor_weight: of the term that keeps the network's numbers near 1, since the others leave their scale free.
    """

    objective: str = "ssi_trim+gradient"
    gradient_weight: float = 0.5
    share: float = 0.8
    scales: int = 4
    stride: int = 2
    anchor_weight: float = 0.01


@dataclass(frozen=True)
class OptimiserConfig:
    """AdamW with linear warm-up and a decay of the learning rate.

    Attributes:
        steps: of the whole run.
        accumulate: batches whose gradients are averaged before each step: `data.batch_size` times as many views a step.
        minutes: if positive, the schedule follows the clock and the run ends after so many minutes of training (a resumed run
            goes on counting), whatever `steps` says; such a run does not repeat step for step.
        lr, encoder_lr: peak learning rates of fresh and of pretrained layers.
        layer_decay: each block of the encoder learns at this share of the rate of the next one, the last at `encoder_lr`;
            1 for one rate. See `leadline.training.optimiser.make_optimiser`.
        schedule: of the learning rate after the warm-up, see `leadline.training.schedule.learning_share`.
        warmup_steps: of linear rise.
        final_share: of the peak rate that is left at the end of "cosine" and "poly".
        poly_power: of "poly".
        step_at, step_factor: of "step": shares of the run after each of which the rate is multiplied by the factor.
        weight_decay: on kernels and matrices; biases and norms have none.
        betas: of Adam.
        clip: largest gradient norm; 0 for any.
        ema_decay: of the averaged weights, which are validated and shipped.
        combine: what is done with the losses of several data sets: "sum" them, or weigh them by "pareto" mixing, exact or by
            the gradients in the shared representation; see `leadline.training.pareto`.
        gradient_normalisation: what Pareto mixing divides each data set's gradient by: its length, its loss or both.
    """

    steps: int = 8000
    accumulate: int = 1
    minutes: float = 0.0
    lr: float = 7e-4
    encoder_lr: float = 1.5e-4
    layer_decay: float = 1.0
    schedule: Literal["cosine", "poly", "step", "constant"] = "cosine"
    warmup_steps: int = 150
    final_share: float = 0.01
    poly_power: float = 0.9
    step_at: tuple[float, ...] = (0.6, 0.85)
    step_factor: float = 0.1
    weight_decay: float = 0.02
    betas: tuple[float, float] = (0.9, 0.99)
    clip: float = 1.0
    ema_decay: float = 0.998
    combine: Combine = "sum"
    gradient_normalisation: GradientNormalisation = "none"


@dataclass(frozen=True)
class TrainerConfig:
    """How the loop runs.

    Attributes:
        accelerator: "auto", "cpu" or "cuda".
        devices: GPUs, or processes on a CPU, that train together, each on a batch of `data.batch_size`. On a CPU as many
            processes of one thread as there are cores are faster than one process with as many threads.
        precision: of Lightning Fabric: "bf16-mixed" or "32-true".
        threads: of torch on the CPU, in each process; 0 leaves torch's choice.
        log_every, validate_every, checkpoint_every: steps.
        keep: checkpoints kept besides the best one.
        trackers: where scalars go, see `leadline.training.tracking`; empty for nowhere.
    """

    accelerator: str = "auto"
    devices: int = 1
    precision: Literal["bf16-mixed", "32-true"] = "bf16-mixed"
    threads: int = 0
    log_every: int = 20
    validate_every: int = 500
    checkpoint_every: int = 250
    keep: int = 2
    trackers: tuple[Literal["jsonl", "tensorboard", "wandb", "mlflow"], ...] = ("jsonl", "tensorboard")


@dataclass(frozen=True)
class TrainConfig:
    """A whole run.

    Attributes:
        name: of the network that comes out, ``architecture.weights_tag``.
        run_dir: folder of checkpoints, logs and this configuration.
        seed: of everything random.
        stereo: the objective of stereo networks, instead of `loss`.
        distillation: the objective of students, instead of `loss`, if it is on.
        video: the objective of networks that learn from films, instead of `loss`.
    """

    name: str
    run_dir: str
    seed: int = 0
    model: ModelConfig = field(default_factory=ModelConfig)
    data: DataConfig = field(default_factory=DataConfig)
    loss: LossConfig = field(default_factory=LossConfig)
    stereo: StereoSettings = field(default_factory=StereoSettings)
    distillation: DistillationSettings = field(default_factory=DistillationSettings)
    video: VideoSettings = field(default_factory=VideoSettings)
    optimiser: OptimiserConfig = field(default_factory=OptimiserConfig)
    trainer: TrainerConfig = field(default_factory=TrainerConfig)


def override(config: T, assignments: Sequence[str]) -> T:
    """Return `config` with ``dotted.key=value`` assignments applied, each value read by the field's type.

    Tuples are written with commas (``data.sources=a,b``), tuples of pairs as ``data.shapes=256x256,192x320``.

    Raises:
        LeadlineError: an unknown key (with the nearest known one), or a value that is not of the key's type.
    """
    for assignment in assignments:
        key, equals, text = assignment.partition("=")
        if not equals:
            raise LeadlineError(f"{assignment!r}: expected KEY=VALUE, for instance optimiser.lr=0.0005")
        config = _assign(config, key.split("."), key, text, keys(config))
    return config


def keys(config: Any, prefix: str = "") -> list[str]:
    """Return every dotted key of a configuration."""
    found = []
    for f in fields(config):
        value = getattr(config, f.name)
        found += keys(value, f"{prefix}{f.name}.") if is_dataclass(value) else [prefix + f.name]
    return found


def describe(config: Any) -> str:
    """Return a configuration as ``key = value`` lines."""
    return "\n".join(f"{key} = {text}" for key, text in settings_text(config).items())


def settings_text(config: Any) -> dict[str, str]:
    """Return every dotted key of a configuration with its value as `override` reads it."""
    found = {}
    for key in keys(config):
        value = config
        for part in key.split("."):
            value = getattr(value, part)
        found[key] = _format(value)
    return found


def to_json(config: Any) -> str:
    """Return a configuration as JSON that `from_json` reads."""
    return json.dumps(asdict(config), indent=2)


def from_json(text: str) -> TrainConfig:
    """Read what `to_json` wrote.

    Raises:
        LeadlineError: not a configuration.
    """
    try:
        config: TrainConfig = _build(TrainConfig, json.loads(text))
    except (json.JSONDecodeError, TypeError, KeyError) as error:
        raise LeadlineError(
            f"not a training configuration ({error}): expected what leadline train writes as config.json"
        ) from None
    return config


def _assign(config: Any, path: list[str], key: str, text: str, known: list[str]) -> Any:
    head, *rest = path
    if head not in {f.name for f in fields(config)} or bool(rest) != is_dataclass(getattr(config, head)):
        near = get_close_matches(key, known, n=1, cutoff=0.0)[0]
        raise LeadlineError(f"unknown setting {key!r}: did you mean {near}?")
    if rest:
        return replace(config, **{head: _assign(getattr(config, head), rest, key, text, known)})
    return replace(config, **{head: _parse(get_type_hints(type(config))[head], key, text)})


def _parse(kind: Any, key: str, text: str) -> Any:
    try:
        if get_origin(kind) is tuple:
            item, *others = get_args(kind)
            separator = "," if get_origin(item) is tuple or "," in text or others == [Ellipsis] else "x"
            parts = [part for part in text.split(separator) if part]
            if others and others != [Ellipsis] and len(parts) != len(get_args(kind)):
                raise ValueError
            return tuple(_parse(item, key, part) for part in parts)
        if get_origin(kind) is Literal:
            return dict(zip(get_args(kind), get_args(kind), strict=True))[text]
        if kind is bool:
            return {"true": True, "false": False}[text.lower()]
        return kind(text)
    except (ValueError, KeyError):
        raise LeadlineError(f"{key}={text}: expected {_name(kind)}") from None


def _name(kind: Any) -> str:
    if kind is bool:
        return "true or false"
    if get_origin(kind) is Literal:
        return f"one of {', '.join(get_args(kind))}"
    if get_origin(kind) is tuple:
        inner = get_args(kind)[0]
        return "pairs like 256x256,192x320" if get_origin(inner) is tuple else f"{_name(inner)} values with commas"
    return {int: "an integer", float: "a number", str: "text"}.get(kind, str(kind))


def _format(value: Any) -> str:
    if isinstance(value, tuple):
        return ",".join("x".join(map(str, v)) if isinstance(v, tuple) else str(v) for v in value)
    return str(value).lower() if isinstance(value, bool) else str(value)


def _build(cls: type[Any], data: Mapping[str, Any]) -> Any:
    hints = get_type_hints(cls)
    return cls(**{key: _build(hints[key], v) if is_dataclass(hints[key]) else _tuples(v) for key, v in data.items()})


def _tuples(value: Any) -> Any:
    return tuple(_tuples(v) for v in value) if isinstance(value, list) else value
