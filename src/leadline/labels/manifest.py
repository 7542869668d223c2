"""The manifest of a label job: one row for each picture, in a folder of Parquet files that reads as one table.

Each shard has its own part. A part's metadata says which tar file it belongs to, with its size and checksum, the plan and the
teacher, so that a part alone tells whether its shard is whole.
"""

from __future__ import annotations

import io
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from leadline.errors import LeadlineError

FOLDER = "manifest"
_KEY = b"leadline"
# Columns by type; those from `stage` on are null where a picture did not get so far.
COLUMNS = {
    "index": "int64", "shard": "int32", "source": "string", "member": "string", "state": "string", "stage": "string",
    "reason": "string",
    "duplicate_of": "int64", "key": "string", "height": "int32", "width": "int32", "phash": "uint64", "label_height": "int32",
    "label_width": "int32", "label_bytes": "int64", "valid_share": "float32", "lowest": "float32", "highest": "float32",
    "mean": "float32", "median": "float32", "spread": "float32", "flip_difference": "float32", "sky_share": "float32",
    "notes": "string",
}  # fmt: skip


@dataclass(frozen=True)
class Part:
    """What a part's metadata says.

    Attributes:
        plan: hash of the plan that its shard belongs to.
        shard: the shard's number.
        tar: name of the file with the labels.
        tar_bytes, sha256: its size and checksum.
        counts: pictures by state, "labelled", "failed", or "left out: FILTER".
        teacher: name, kind and weights hash of the network.
        software: that made it.
    """

    plan: str
    shard: int
    tar: str
    tar_bytes: int
    sha256: str
    counts: Mapping[str, int]
    teacher: Mapping[str, str] = field(default_factory=dict)
    software: str = ""

    @property
    def images(self) -> int:
        """Pictures of the shard."""
        return sum(self.counts.values())


def part_path(out: Path, shard: int) -> Path:
    """Return where the manifest's part of a shard lies."""
    return out / FOLDER / f"part-{shard:06d}.parquet"


def encode_part(rows: Sequence[Mapping[str, Any]], part: Part) -> bytes:
    """Return a part as a Parquet file's bytes."""
    import pyarrow as arrow
    import pyarrow.parquet as parquet

    fields = [arrow.field(name, getattr(arrow, kind)()) for name, kind in COLUMNS.items()]
    schema = arrow.schema(fields, metadata={_KEY: json.dumps(asdict(part)).encode()})
    table = arrow.table({name: [row.get(name) for row in rows] for name in COLUMNS}, schema=schema)
    file = io.BytesIO()
    parquet.write_table(table, file, compression="zstd")
    return file.getvalue()


def read_part(path: Path) -> Part | None:
    """Return what a part says of its shard; None if there is none, or it is cut short."""
    import pyarrow as arrow
    import pyarrow.parquet as parquet

    try:
        with path.open("rb") as file:
            metadata = parquet.read_metadata(file).metadata or {}
        return Part(**json.loads(metadata[_KEY]))
    except FileNotFoundError:
        return None
    except (OSError, arrow.ArrowException, KeyError, ValueError, TypeError):
        return None


def read_manifest(out: Path, columns: Sequence[str] | None = None) -> Any:
    """Return the manifest as a `pyarrow.Table`, sorted by index.

    For more rows than fit into memory, give the folder ``manifest`` to a program that reads folders of Parquet files as one
    table: pyarrow.dataset, DuckDB, Polars, Spark.

    Args:
        out: folder of the labels.
        columns: which to read; all by default.

    Raises:
        LeadlineError: there is none.
    """
    import pyarrow as arrow
    import pyarrow.parquet as parquet

    paths = sorted((out / FOLDER).glob("part-*.parquet"))
    if not paths:
        raise LeadlineError(f"no manifest in {out}: expected a folder that leadline label teacher wrote")
    names = list(columns) if columns is not None else list(COLUMNS)
    return arrow.concat_tables([parquet.ParquetFile(path).read(columns=names).replace_schema_metadata() for path in paths])


def count_states(rows: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """Return how many pictures came to what."""
    return dict(sorted(Counter(name_of_state(row) for row in rows).items()))


def name_of_state(row: Mapping[str, Any]) -> str:
    """Return "labelled", "failed" or "left out: FILTER"."""
    return f"left out: {row['stage']}" if row["state"] == "left_out" else str(row["state"])
