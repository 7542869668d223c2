"""A folder of prediction files as a predictor, to score what another program wrote."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from leadline.camera import Camera
from leadline.depth_map import DepthMap, Kind, replace_map
from leadline.errors import LeadlineError
from leadline.evaluation.prediction_files import files_below, files_of_samples
from leadline.io.conventions import convention_named
from leadline.io.depth import FORMATS, read_depth
from leadline.predictor import ModelCard, Prediction
from leadline.sample import Sample


class FolderPredictions:
    """Predictions in files: one a sample, in any format of `leadline.io.depth.read_depth`.

    Files are named as the samples, or as their pictures: `leadline.evaluation.prediction_files` says how they are found. A
    sample without a file, or with one that can't be read or is of another kind, is a failure of that image. NaN and infinity
    are pixels without a prediction.

    Args:
        folder: searched deep.
        names: of all samples that will be asked for.
        kind: what the numbers are, for files that don't say it themselves.
        convention: how integers become values (`leadline.io.conventions`), for instance "kitti"; implies the kind.

    Raises:
        LeadlineError: no such folder, no file in it that belongs to a sample, one that might belong to several, or nothing
            says what the numbers are.
    """

    def __init__(
        self, folder: Path | str, names: Sequence[str], *, kind: Kind | str | None = None, convention: str | None = None
    ) -> None:
        self.folder = Path(folder)
        self._kind = Kind.parse(kind) if isinstance(kind, str) else kind
        self._convention = convention
        if not self.folder.is_dir():
            raise LeadlineError(f"{self.folder} is not a folder: expected one with prediction files; check --predictions")
        files = files_below(self.folder)
        self._files = files_of_samples(files, names)
        if not self._files:
            found = f"{len(files)} depth files, the first {min(files)!r}" if files else f"no {', '.join(FORMATS)} file"
            raise LeadlineError(f"{self.folder} has {found}: expected names such as {names[0]!r} of the samples, with a suffix")
        self._card = ModelCard(self.folder.name or str(self.folder), self._first_kind(), sha256=_listing(self._files.values()))
        self.streams = len(self._files)  # files are read at once by as many threads as there are

    @property
    def card(self) -> ModelCard:
        """The folder's name, the kind, and as sha256 that of the files' names, sizes and times."""
        return self._card

    def __call__(self, image: NDArray[np.uint8], camera: Camera | None = None) -> Prediction:
        """Refuse: a file is found by its sample's name.

        Raises:
            LeadlineError: always.
        """
        raise LeadlineError("prediction files are found by the names of samples: call predict_sample")

    def predict_sample(self, sample: Sample) -> Prediction:
        """Read the file of a sample.

        Raises:
            LeadlineError: there is none, or it is no depth file of the folder's kind.
        """
        path = self._files.get(sample.name)
        if path is None:
            raise LeadlineError(f"no prediction for {sample.name!r} in {self.folder}")
        depth = self._read(path)
        if depth.kind != self._card.kind:
            raise LeadlineError(f"{path.name} is {depth.kind}, the others are {self._card.kind}: score it apart")
        camera = sample.camera
        if depth.camera is None and camera is not None:
            depth = replace_map(depth, camera=camera.resize(depth.hw))
        return Prediction(depth)

    def _read(self, path: Path) -> DepthMap:
        return read_depth(path, kind=None if self._convention else self._kind, convention=self._convention)

    def _first_kind(self) -> Kind:
        if self._convention is not None:
            return convention_named(self._convention).kind
        reasons = []
        for path in list(self._files.values())[:5]:  # one broken file must not hide what the others say
            try:
                return self._read(path).kind
            except LeadlineError as error:
                reasons.append(str(error))
        raise LeadlineError(f"{reasons[0]}; for a folder of predictions give --kind, or --convention such as kitti")


def _listing(files: Iterable[Path]) -> str:
    digest = hashlib.sha256()
    for path in files:
        state = path.stat()
        digest.update(f"{path.name} {state.st_size} {state.st_mtime_ns}\n".encode())
    return digest.hexdigest()
