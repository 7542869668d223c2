"""A folder of twelve-megapixel JPEGs to depth maps: leadline against the loops that people write, with the same network.

    python -m benchmarks.predict_folder

The network is Depth Anything V2 Small's architecture with random weights, at 686 x 518. To 8-bit maps: transformers' pipeline.
To 16-bit PNG: a script in the manner of MiDaS's run.py, which also writes PFM. leadline runs the exported network on its
overlapped pipeline. ``one_core`` is the same work on one core: over the cores, it is the time that no overlap can beat. Each
contestant has a process of its own, because memory settings and thread pools are process-wide; they take turns.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.harness import arguments, report, summary

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
EIGHT_BIT = ("transformers_pipeline", "leadline_8bit_fp32", "leadline_8bit_bf16")
SIXTEEN_BIT = ("midas_script", "leadline_16bit_fp32", "leadline_16bit_bf16")
OVERLAP = ("fp32", "bf16")


def main() -> None:
    parser = arguments(__doc__)
    parser.set_defaults(rounds=3)
    parser.add_argument("--photos", type=int, default=24)
    parser.add_argument("--work", type=Path, help="folder to keep photos and network in for the next run")
    parser.add_argument("--contestant", help="internal: run one contestant, the folder once for each line of input")
    given = parser.parse_args()
    if given.contestant:
        _serve(given.contestant, given.work, given.photos, given.threads)
        return
    with tempfile.TemporaryDirectory() as temporary:
        work = given.work or Path(temporary)
        _make_photos(work / "photos")
        difference = _make_network(work)
        names = [*EIGHT_BIT, *SIXTEEN_BIT, *(f"one_core_{precision}" for precision in OVERLAP)]
        seconds = _take_turns(names, work, given)
    results: dict[str, Any] = {
        **summary({name: seconds[name] for name in EIGHT_BIT}, EIGHT_BIT[0], given.photos),
        **summary({name: seconds[name] for name in SIXTEEN_BIT}, SIXTEEN_BIT[0], given.photos),
    }
    cores = given.threads
    for precision in OVERLAP:
        bound = [alone / cores for alone in seconds[f"one_core_{precision}"]]
        shares = [least / own for least, own in zip(bound, seconds[f"leadline_16bit_{precision}"], strict=True)]
        results[f"overlap_{precision}"] = {"bound_s": statistics.median(bound), "share_of_bound": statistics.median(shares)}
    settings = {
        "photos": given.photos, "threads": given.threads, "rounds": given.rounds,
        "network": "depth_anything_v2_small, random weights",
        "largest_difference_of_the_exported_network": difference,
    }  # fmt: skip
    report("predict_folder", settings, results, given.out)


def _take_turns(names: list[str], work: Path, given: Any) -> dict[str, list[float]]:
    workers = {name: _start(name, work, given) for name in names}
    seconds: dict[str, list[float]] = {name: [] for name in names}
    for turn in range(given.rounds + 1):
        for name, worker in workers.items():
            # The first turn, on one photo, loads and compiles.
            worker.stdin.write(f"{1 if turn == 0 else given.photos}\n")
            worker.stdin.flush()
            answer = worker.stdout.readline()
            if not answer:
                raise SystemExit(f"{name} stopped: {_log(work, name).read_text()[-500:]}")
            spent = json.loads(answer)
            if turn > 0:
                seconds[name].append(spent)
                print(f"{name}: {1000 * spent / given.photos:.0f} ms a photo", file=sys.stderr, flush=True)
    for worker in workers.values():
        worker.stdin.close()
        worker.wait()
    return seconds


def _start(name: str, work: Path, given: Any) -> Any:
    command = [sys.executable, "-m", "benchmarks.predict_folder", "--contestant", name, "--work", str(work)]
    command += ["--photos", str(given.photos), "--threads", str(given.threads)]
    with _log(work, name).open("w") as log:
        return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True)


def _log(work: Path, name: str) -> Path:
    return work / f"{name}.log"


def _serve(name: str, work: Path, photos: int, threads: int) -> None:
    """Run the folder each time a line asks for so many photos; answer with the seconds."""
    if name.startswith("one_core") and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
        threads = 1
    stdout, sys.stdout = sys.stdout, sys.stderr  # libraries print
    out = work / "out" / name
    out.mkdir(parents=True, exist_ok=True)
    kind, _, precision = name.rpartition("_")
    if name == "transformers_pipeline":
        run = _transformers_pipeline(work, out, threads)
    elif name == "midas_script":
        run = _midas_script(work, out, threads)
    else:
        run = _leadline(work, out, precision, 8 if kind == "leadline_8bit" else 16, threads)
    files = sorted((work / "photos").glob("*.jpg"))
    for line in sys.stdin:
        chosen = [files[i % len(files)] for i in range(int(line))]
        started = time.perf_counter()
        run(chosen)
        print(json.dumps(time.perf_counter() - started), file=stdout, flush=True)


def _leadline(work: Path, out: Path, precision: str, bits: int, threads: int) -> Callable[[list[Path]], None]:
    from leadline.io.depth import write_depth
    from leadline.io.image import Photo
    from leadline.io.png import encode_png
    from leadline.io.preview import grey_levels
    from leadline.predictor import ModelCard, Prediction
    from leadline.runtime.engine import EngineOptions
    from leadline.runtime.malloc import keep_freed_memory
    from leadline.runtime.onnx_predictor import OnnxPredictor
    from leadline.runtime.pipeline import run_pipeline

    keep_freed_memory()  # as the command line does
    if threads == 1:
        import cv2

        cv2.setNumThreads(1)
    card = ModelCard.from_json((work / "network.json").read_text())
    predictor = OnnxPredictor(work / "network.onnx", card, EngineOptions(precision=precision, throughput=True))

    def write(path: Path, photo: Photo, prediction: Prediction) -> None:
        if bits == 8:
            (out / f"{path.stem}.png").write_bytes(encode_png(grey_levels(prediction.depth)))
        else:
            write_depth(out / f"{path.stem}.depth.png", prediction.depth)

    def run(paths: list[Path]) -> None:
        workers = 1 if threads == 1 else None
        for result in run_pipeline(paths, predictor, write, workers=workers):
            if result.error:
                raise SystemExit(result.error)

    return run


def _transformers_pipeline(work: Path, out: Path, threads: int) -> Callable[[list[Path]], None]:
    import torch
    from transformers import AutoModelForDepthEstimation, DPTImageProcessorPil, pipeline

    torch.set_num_threads(threads)
    processor = DPTImageProcessorPil(
        size={"height": 518, "width": 518}, ensure_multiple_of=14, keep_aspect_ratio=True, image_mean=MEAN, image_std=STD,
        resample=3,
    )  # fmt: skip
    network = AutoModelForDepthEstimation.from_pretrained(work / "network")
    estimate: Any = pipeline("depth-estimation", model=network, image_processor=processor, device="cpu")

    def run(paths: list[Path]) -> None:
        for path in paths:
            estimate(str(path))["depth"].save(out / f"{path.stem}.png")

    return run


def _midas_script(work: Path, out: Path, threads: int) -> Callable[[list[Path]], None]:
    import cv2
    import torch
    import torch.nn.functional as F
    from transformers import AutoModelForDepthEstimation

    torch.set_num_threads(threads)
    network = AutoModelForDepthEstimation.from_pretrained(work / "network").eval()

    def run(paths: list[Path]) -> None:
        for path in paths:
            image = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB) / 255.0
            small = cv2.resize(image, (686, 518), interpolation=cv2.INTER_CUBIC)
            tensor = torch.from_numpy(((small - MEAN) / STD).transpose(2, 0, 1).astype(np.float32))[None]
            with torch.no_grad():
                predicted = network(pixel_values=tensor).predicted_depth
                full = F.interpolate(predicted[:, None], image.shape[:2], mode="bicubic", align_corners=False)
            values = full[0, 0].numpy()
            with (out / f"{path.stem}.pfm").open("wb") as file:
                file.write(f"Pf\n{values.shape[1]} {values.shape[0]}\n-1.0\n".encode())
                np.flipud(values).tofile(file)
            low, high = values.min(), values.max()
            cv2.imwrite(str(out / f"{path.stem}.png"), (65535 * (values - low) / (high - low)).astype(np.uint16))

    return run


def _make_photos(folder: Path, count: int = 6) -> None:
    """Enlarge pictures of scikit-image and scikit-learn to 4000 x 3000, with grain, so that they weigh what photos weigh."""
    import cv2
    from skimage import data
    from sklearn.datasets import load_sample_images

    if folder.is_dir():
        return
    pictures = [data.astronaut(), data.chelsea(), data.coffee(), data.rocket(), *load_sample_images().images]
    temporary = folder.with_name("photos.part")
    temporary.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    for index, picture in enumerate(pictures[:count]):
        height, width = picture.shape[:2]
        height, width = min(height, width * 3 // 4), min(width, height * 4 // 3)
        big = cv2.resize(picture[:height, :width], (4000, 3000), interpolation=cv2.INTER_CUBIC)
        grain = cv2.GaussianBlur(rng.normal(0, 12, (3000, 4000, 3)).astype(np.float32), (0, 0), 0.8)
        photo = np.clip(big + grain, 0, 255).astype(np.uint8)
        cv2.imwrite(str(temporary / f"{index}.jpg"), photo[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 92])
    shutil.move(temporary, folder)


def _make_network(work: Path) -> float:
    """Save the network for transformers and as ONNX; return their largest difference, relative to the map's spread."""
    import torch
    from transformers import AutoModelForDepthEstimation, DepthAnythingConfig, Dinov2Config

    from leadline.export.hf import export_hf
    from leadline.runtime.engine import make_engine

    if not (work / "network").is_dir():
        backbone = Dinov2Config(
            hidden_size=384, num_hidden_layers=12, num_attention_heads=6, patch_size=14, image_size=518,
            out_indices=[3, 6, 9, 12], reshape_hidden_states=False, apply_layernorm=True,
        )  # fmt: skip
        config = DepthAnythingConfig(
            backbone_config=backbone, reassemble_hidden_size=384, patch_size=14, neck_hidden_sizes=[48, 96, 192, 384],
            fusion_hidden_size=64, head_in_index=-1, head_hidden_size=32,
        )  # fmt: skip
        torch.manual_seed(0)
        network = AutoModelForDepthEstimation.from_config(config).eval()
        with torch.no_grad():  # fresh weights say nearly nothing: make it a map of spread 1 around 5
            spread = network(pixel_values=torch.randn(1, 3, 140, 182)).predicted_depth.std()
            network.head.conv3.weight /= spread
            network.head.conv3.bias += 5
        network.save_pretrained(work / "network")
    if not (work / "network.onnx").exists():
        export_hf(str(work / "network"), work / "network.onnx")
    network = AutoModelForDepthEstimation.from_pretrained(work / "network").eval()
    pictures = np.random.default_rng(0).normal(0, 1, (1, 3, 518, 686)).astype(np.float32)
    with torch.no_grad():
        expected = network(pixel_values=torch.from_numpy(pictures)).predicted_depth.numpy()
    return float(np.abs(make_engine(work / "network.onnx").run(pictures) - expected).max() / expected.std())


if __name__ == "__main__":
    main()
