"""``leadline label teacher|virtual|stereo-merge``: training labels; those for pictures with glass and mirrors are here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import App, Parameter, validators

from leadline.cli.label_teacher import teacher

if TYPE_CHECKING:
    from leadline.labels.virtual_folder import Labelled

app = App(
    name="label", help="Make labels for training: by a teacher, virtual depth of glass and mirrors, and its merge with stereo."
)
app.command(teacher)

Flag = Annotated[bool, Parameter(negative=())]
Count = Annotated[int, Parameter(validator=validators.Number(gte=1))]
_Convention = Literal["any", "transparent", "mirror", "material", "trans10k", "msd", "mirror3d", "booster"]


@app.command
def virtual(
    *inputs: Annotated[str, Parameter(required=True, negative=())],
    masks: str,
    out: Path,
    model: str = "leadline-s",
    kind: str | None = None,
    colours: Count = 5,
    fill: Literal["random", "greys", "grey", "surroundings"] = "random",
    alike: Literal["image", "instance", "component"] = "image",
    align: Literal["none", "least_squares", "robust"] = "none",
    dilate_px: Annotated[float, Parameter(validator=validators.Number(gte=0))] = 0.0,
    seed: Annotated[int, Parameter(validator=validators.Number(gte=0))] = 0,
    masks_as: _Convention = "any",
    mask_classes: str | None = None,
    size: Literal["network", "image"] = "network",
    write: Literal["npz", "png16"] = "npz",
    spread: bool = True,
    json: Flag = False,
) -> int:
    """Write virtual depth of pictures: glass and mirrors painted over, the median of several predictions.

    Run again with the same settings to go on after a stop; a folder with labels of other settings is refused. A picture that
    can't be labelled is reported and counted, the rest is done, and the exit code is 1. Takes COLOURS predictions a picture.

    Parameters
    ----------
    inputs
        Pictures, or folders of them (searched deep).
    masks
        A folder of masks by the pictures' names, a COCO .json, or one mask for all pictures; or auto, which finds glass and
        mirrors, as another segmenter does: an ONNX file, or hf:OWNER/NAME of transformers.
    out
        Folder for the labels; labels.json in it says how they were made.
    model
        A shipped network, an ONNX file, a run of leadline train, or a transformers model such as owner/name.
    kind
        What an ONNX file's numbers mean if it has no card.
    colours
        Copies of each picture, each with its own colour.
    fill
        What masked pixels get: random colours, random greys, one grey, or what surrounds them (the latter two in one copy).
    alike
        What gets one colour: the whole mask, each number in it, or each connected patch.
    align
        Fit the maps of the copies to the first one's outside the mask before the median.
    dilate_px
        Grow the masks by so many pixels.
    seed
        For other colours.
    masks_as
        What the numbers in mask files mean; any: whatever is not black is glass or mirror.
    mask_classes
        Classes of the numbers, colours, COCO categories or labels of hf:... instead: 3=transparent,7=mirror,0=opaque or
        #ff0000=transparent,...
    size
        Labels at the network's resolution, or at the pictures'.
    write
        npz (half floats, and the spread over the colours) or png16 (16 bits, the spread in an npz beside).
    spread
        Keep the spread over the colours.
    json
        Print one JSON object per picture: path, state, outputs, seconds, error, notes.
    """
    from leadline.cli.inputs import find_inputs
    from leadline.cli.load import load
    from leadline.cli.segmenter import named_segmenter, names_segmenter
    from leadline.data.mask_files import MaskSource
    from leadline.errors import LeadlineError
    from leadline.labels.predicted_masks import PredictedMasks
    from leadline.labels.virtual import VirtualOptions
    from leadline.labels.virtual_folder import Picture, label_virtual
    from leadline.runtime.malloc import keep_freed_memory

    options = VirtualOptions(colours, fill, alike, align, dilate_px, seed)
    source: MaskSource | PredictedMasks
    if names_segmenter(masks):
        if masks_as != "any":
            raise LeadlineError(f"--masks-as {masks_as} for --masks {masks}, which are no files: leave it out")
        source = PredictedMasks(named_segmenter(masks, mask_classes))
    else:
        source = MaskSource(Path(masks), masks_as, mask_classes)
    kept_out = (Path(masks), out)
    found = [item for item in find_inputs(inputs) if not any(item.path.is_relative_to(folder) for folder in kept_out)]
    if other := next((item for item in found if item.medium != "picture"), None):
        raise LeadlineError(f"{other.path} is a {other.medium}: expected pictures; extract its frames first")
    keep_freed_memory()
    predictor = load(model, kind)
    pictures = [Picture(item.path, item.stem) for item in found]
    rows = label_virtual(
        pictures, predictor, source, out, options, at_network_size=size == "network", write=write, spread=spread
    )
    return _tell(rows, len(pictures), out, json)


@app.command(name="stereo-merge")
def stereo_merge(
    disparities: Path,
    virtual: Path,
    masks: Path,
    out: Path,
    /,
    *,
    convention: str | None = None,
    robust: Flag = False,
    masks_as: _Convention = "any",
    mask_classes: str | None = None,
    write: Literal["png16", "npz", "pfm"] = "png16",
    json: Flag = False,
) -> int:
    """Merge virtual depth into stereo disparities on glass and mirrors.

    Virtual depth is fitted to each disparity outside the mask. One that can't be merged (no pixels for the fit, negative
    disparities, no mask) is reported and counted, the rest is done, and the exit code is 1. Run again to go on after a stop.

    Parameters
    ----------
    disparities
        Folder of disparities in pixels of the left pictures (png16, pfm, npy, npz, exr, tiff).
    virtual
        Folder that leadline label virtual wrote for the left pictures.
    masks
        Masks of the left pictures: a folder, a COCO .json, or one mask for all.
    out
        Folder for the merged labels; labels.json in it says how they were made.
    convention
        Of disparities in integers, for instance kitti_disparity.
    robust
        Fit by least absolute differences instead of least squares.
    masks_as
        What the numbers in mask files mean; any: whatever is not black is glass or mirror.
    mask_classes
        Classes of the numbers, colours or COCO categories instead.
    write
        png16, npz or pfm.
    json
        Print one JSON object per picture.
    """
    from leadline.data.mask_files import MaskSource
    from leadline.labels.stereo_folder import iter_merged

    source = MaskSource(masks, masks_as, mask_classes)
    rows = iter_merged(disparities, virtual, source, out, convention=convention, robust=robust, write=write)
    return _tell(rows, None, out, json)


def _tell(rows: Iterable[Labelled], total: int | None, out: Path, as_json: bool) -> int:
    """Say what becomes of each picture; return the exit code."""
    from collections import Counter
    from json import dumps

    from leadline.cli.progress import say

    states: Counter[str] = Counter()
    with _progress(total) as advance:
        for row in rows:
            states[row.state] += 1
            if as_json:
                fields = {
                    "path": str(row.path),
                    "state": row.state,
                    "outputs": [str(path) for path in row.outputs],
                    "seconds": round(row.seconds, 4),
                    "error": row.error,
                    "notes": list(row.notes),
                }
                print(dumps(fields, ensure_ascii=False), flush=True)
            for text in [row.error] if row.error is not None else [] if as_json else row.notes:
                say(f"leadline: {text if row.path.name in text else f'{row.path}: {text}'}")
            advance()
    text = f"{states['done']} done, {states['kept']} kept, {states['failed']} failed; labels in {out}"
    if not as_json or states["failed"]:
        say(text)
    return 1 if states["failed"] else 0


@contextmanager
def _progress(total: int | None) -> Iterator[Callable[[], None]]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True, redirect_stderr=True, redirect_stdout=False) as bar:
        task = bar.add_task("labelling", total=total)
        yield lambda: bar.advance(task)
