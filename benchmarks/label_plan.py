"""Planning, manifest, claims and restart of a label job, on made-up pictures by the million: seconds and memory.

    python -m benchmarks.label_plan                     # 1, 3 and 10 million
    python -m benchmarks.label_plan --entries 300000

The code is the job's own; pictures and networks are left out. Each size has a process of its own, because the largest memory
of a process only grows. Tar files are empty ones of the right length (sparse), manifest rows have random numbers, which
compress as badly as real ones. Ends with the same numbers for 62 million pictures, in proportion to the largest size.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.harness import arguments, report

SIZES = (1_000_000, 3_000_000, 10_000_000)
DEPTH_ANYTHING = 62_000_000
TAR_BYTES = 100_000_000
IN_A_TAR = 10_000


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--entries", type=int, nargs="+", default=SIZES)
    parser.add_argument("--shard-images", type=int, default=1000)
    parser.add_argument("--work", type=Path, help="folder for the made-up jobs, some hundred bytes for each picture")
    parser.add_argument("--one", action="store_true", help="internal: one size, in this process")
    given = parser.parse_args()
    if given.one:
        print(json.dumps(_measure(given.entries[0], given.shard_images, given.work)))
        return
    results: dict[str, Any] = {}
    for entries in given.entries:
        with tempfile.TemporaryDirectory(dir=given.work) as work:
            command = [sys.executable, "-m", "benchmarks.label_plan", "--one", "--entries", str(entries), "--work", work]
            command += ["--shard-images", str(given.shard_images)]
            done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        results[f"entries_{entries}"] = json.loads(done.stdout)
        print(f"{entries}: {done.stdout}", file=sys.stderr, flush=True)
    largest = max(given.entries)
    results["in_proportion_62_million"] = _scaled(results[f"entries_{largest}"], DEPTH_ANYTHING / largest)
    report("label_plan", {"entries": list(given.entries), "shard_images": given.shard_images}, results, given.out)


def _measure(entries: int, shard_images: int, out: Path) -> dict[str, float]:
    from leadline.labels.claims import Claims
    from leadline.labels.manifest import Part, encode_part, part_path
    from leadline.labels.plan import read_plan, write_plan
    from leadline.labels.shard_files import shard_sizes, whole_part

    found: dict[str, float] = {"memory_before_mb": _peak_mb()}

    def timed(name: str, call: Callable[[], Any]) -> Any:
        started, cpu = time.perf_counter(), time.process_time()
        value = call()
        found[f"{name}_s"] = time.perf_counter() - started
        found[f"{name}_cpu_s"] = time.process_time() - cpu
        found[f"{name}_peak_mb"] = _peak_mb()
        print(
            name, {key: round(number, 2) for key, number in found.items() if key.startswith(name)}, file=sys.stderr, flush=True
        )
        return value

    plan = timed("plan", lambda: write_plan(_made_up(entries), out, shard_images))
    found["plan_bytes"] = sum(path.stat().st_size for path in plan.folder.iterdir())
    shards = plan.summary.shards
    found |= {"images": plan.summary.images, "shards": shards}

    def read_all() -> None:
        again = read_plan(plan.folder)
        for shard in range(shards):
            again.read_shard(shard)

    timed("read_plan", read_all)

    def claim_all() -> None:
        claims = Claims(out / "claims")
        for shard in range(shards):
            claims.take(f"{shard:06d}")
            claims.release(f"{shard:06d}")
        claims.close()

    timed("claims", claim_all)

    def write_manifest() -> None:
        rng = np.random.default_rng(0)
        (out / "shards").mkdir()
        part_path(out, 0).parent.mkdir()
        for shard in range(shards):
            rows = _rows(shard, plan.read_shard(shard), shard_images, rng)
            tar = out / "shards" / f"shard-{shard:06d}-{rng.integers(1 << 62):016x}.tar"
            with tar.open("wb") as file:
                file.truncate(TAR_BYTES)
            part = Part(plan.summary.sha256, shard, tar.name, TAR_BYTES, "0" * 64, {"labelled": len(rows)})
            part_path(out, shard).write_bytes(encode_part(rows, part))

    timed("manifest", write_manifest)
    found["manifest_bytes"] = sum(path.stat().st_size for path in (out / "manifest").iterdir())

    def restart() -> None:
        again, sizes = read_plan(plan.folder), shard_sizes(out)
        for shard in range(shards):
            assert whole_part(out, shard, again.summary.sha256, sizes) is not None

    timed("restart", restart)
    return found


def _made_up(count: int) -> Iterator[Any]:
    from leadline.labels.sources import Entry

    for number in range(count):
        tar, member = divmod(number, IN_A_TAR)
        size = 90_000 + number * 7919 % 50_000
        yield Entry(f"s3://unlabelled/train/{tar:06d}.tar", f"{number * 2654435761 % 2**32:08x}.jpg", member * 141_312, size)


def _rows(shard: int, entries: list[Any], shard_images: int, rng: np.random.Generator) -> list[dict[str, Any]]:
    numbers = rng.random((len(entries), 6)).tolist()
    hashes = rng.integers(0, 1 << 63, len(entries)).tolist()
    sizes = rng.integers(60_000, 120_000, len(entries)).tolist()
    return [
        {
            "index": shard * shard_images + row, "shard": shard, "source": entry.source, "member": entry.member,
            "state": "labelled", "key": f"{shard * shard_images + row:09d}", "height": 480, "width": 640, "phash": hashed,
            "label_height": 288, "label_width": 384, "label_bytes": size, "valid_share": 1.0, "lowest": some[0],
            "highest": some[1], "mean": some[2], "median": some[3], "spread": some[4], "sky_share": some[5],
        }
        for row, (entry, some, hashed, size) in enumerate(zip(entries, numbers, hashes, sizes, strict=True))
    ]  # fmt: skip


def _scaled(found: dict[str, float], factor: float) -> dict[str, float]:
    """Return what grows with the number of pictures, multiplied; memory, which must not grow, as it is."""
    return {name: value if name.endswith("_mb") else value * factor for name, value in found.items()}


def _peak_mb() -> float:
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1e6 if sys.platform == "darwin" else 1e3)


if __name__ == "__main__":
    main()
