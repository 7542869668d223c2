"""Batches of clips from several sources of films; batch number n is a function of the seed and n alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import atan, degrees, radians, tan
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from leadline.camera import Camera
from leadline.data.ahead import made_ahead
from leadline.data.clip_truth import depth_of_points, moved
from leadline.data.clips import PARTNER, Clip, VideoData, change_clip, fit_clip, read_clip
from leadline.data.film import Film, open_film
from leadline.data.film_sources import VideoSource
from leadline.data.film_windows import common_fov, window_of
from leadline.data.views import held_out
from leadline.errors import LeadlineError

FEWEST_FILMS = 40  # of fewer, each film's last tenth is held out, of more some films
HELD_OUT_PART = 10


class VideoBatch(NamedTuple):
    """Clips of one size.

    Attributes:
        target: (N, h, w, 3) uint8 sRGB.
        sources: (S, N, h, w, 3) uint8.
        seen_target, seen_sources: the same with other colours, which the networks get.
        intrinsics: (N, 3, 3) float32 of the targets, pixels, the corner at (0, 0).
        source_intrinsics: (S, N, 3, 3) float32.
        partner_from_target: (N, 4, 4) float32, metres; NaN where the other eye is not among the sources.
        offsets: of the sources; `leadline.data.clips.PARTNER` is the other eye.
        origin: (N,) which of the sources of films each clip is from.
        names: of the targets.
        truth: (E, N, h, w) float32 z-depth of the targets and, if it is among the sources, of the other eye, metres, 0 where
            it is not known; None if nobody asked.
    """

    target: NDArray[np.uint8]
    sources: NDArray[np.uint8]
    seen_target: NDArray[np.uint8]
    seen_sources: NDArray[np.uint8]
    intrinsics: NDArray[np.float32]
    source_intrinsics: NDArray[np.float32]
    partner_from_target: NDArray[np.float32]
    offsets: tuple[int, ...]
    origin: NDArray[np.int64]
    names: tuple[str, ...] = ()
    truth: NDArray[np.float32] | None = None


class Place(NamedTuple):
    """A target: which film of a source, and which of its frames that were kept."""

    film: int
    frame: int


class VideoViews:
    """An endless, reproducible stream of changed batches of clips.

    Films are decoded into the cache when this is made. Resuming needs no sampler state: batch n draws its own generator from
    (seed, n).

    Args:
        sources: of films.
        weights: relative frequency of each source.
        cache: folder of decoded films.
        shapes: (h, w) of batches; each batch has one, drawn evenly.
        batch_size: clips a batch.
        how: clips are cut and changed.
        seed: of everything random.
        longest: longer side of the stored pictures at most, pixels.
        workers: threads that make batches ahead; any number gives the same batches.
        even: every batch holds the same number of clips of each source, whatever their weights.

    Attributes:
        films: of each source.
        notes: what the user should know, a line each.
        fov_deg: of the windows of each shape, where all films share a field of view.

    Raises:
        LeadlineError: a source is not there, its camera is unknown, or no clip is left of it; the films share no field of view.
    """

    def __init__(
        self,
        sources: Sequence[VideoSource],
        weights: Sequence[float],
        cache: Path,
        shapes: Sequence[tuple[int, int]],
        batch_size: int,
        how: VideoData,
        seed: int,
        longest: int,
        workers: int = 1,
        even: bool = False,
    ) -> None:
        if len(weights) != len(sources):
            raise LeadlineError(f"{len(weights)} data.weights for {len(sources)} data.sources: expected one each")
        if PARTNER in how.offsets or len({*how.offsets}) < len(how.offsets) or not how.sources:
            raise LeadlineError(f"data.video.offsets={how.offsets}: expected different frames before and after, such as -1,1")
        if not 0 < how.area[0] <= how.area[1] <= 1:
            raise LeadlineError(f"data.video.area={how.area}: expected two shares up to 1, the smaller first")
        if even and batch_size % len(sources):
            raise LeadlineError(
                f"data.batch_size={batch_size} for {len(sources)} sources in equal parts: expected a multiple of {len(sources)}"
            )
        self.sources, self.shapes, self.batch_size, self.how = sources, shapes, batch_size, how
        self.seed, self.workers, self.even = seed, workers, even
        self.films: list[list[Film]] = []
        self.notes: list[str] = []
        self.training: list[list[Place]] = []
        self.validation: list[list[Place]] = []
        for source in sources:
            # A rig at rest still teaches from its two eyes.
            least = how.least_motion if how.views == "mono" else 0.0
            films = [open_film(film, cache, longest, least) for film in source.films()]
            self.films.append(films)
            self._divide(source, films)
        frequency = np.where([bool(places) for places in self.training], np.asarray(weights, np.float64), 0.0)
        if not frequency.sum() > 0:
            raise LeadlineError("data.weights leaves no source that has clips: expected one with a weight above 0")
        self.frequency = frequency / frequency.sum()
        self.fov_deg = self._fields_of_view()

    @property
    def counts(self) -> dict[str, int]:
        """Training clips of each source."""
        return {source.text: len(places) for source, places in zip(self.sources, self.training, strict=True)}

    def batch(self, number: int) -> VideoBatch:
        """Return batch `number`."""
        rng = np.random.default_rng([self.seed, number])
        hw = self.shapes[int(rng.integers(len(self.shapes)))]
        clips: list[Clip] = []
        names: list[str] = []
        origin: list[int] = []
        for position in range(self.batch_size):
            drawn = int(rng.choice(len(self.sources), p=self.frequency))
            index = position % len(self.sources) if self.even else drawn
            place = self.training[index][int(rng.integers(len(self.training[index])))]
            film = self.films[index][place.film]
            swap = bool(rng.random() < 0.5) and self.how.views != "mono"
            clips.append(change_clip(read_clip(film, place.frame, self.how, swap), hw, rng, self.how, self.fov_deg.get(hw)))
            names.append(f"{film.name}, frame {film.numbers[place.frame]}")
            origin.append(index)
        return collate_clips(clips, self.how.sources, origin, names)

    def iter_batches(self, start: int = 0, step: int = 1) -> Iterator[VideoBatch]:
        """Yield every `step`-th batch from number `start` on, made ahead by threads while the network computes."""
        for future in made_ahead(self.batch, start, step, self.workers):
            yield future.result()

    def held_out(self, most: int) -> list[tuple[int, Film, int]]:
        """Return up to `most` held-out targets (source, film, index), evenly from all sources, spread over each."""
        share = max(1, most // max(1, sum(bool(places) for places in self.validation)))
        found = []
        for source, places in enumerate(self.validation):
            step = max(1, len(places) // share)
            found += [(source, self.films[source][place.film], place.frame) for place in places[::step][:share]]
        return found

    def held_out_batches(self, most: int) -> list[VideoBatch]:
        """Return batches of up to `most` held-out clips as they are, at the first of the shapes."""
        hw, batches = self.shapes[0], []
        chosen = self.held_out(most)
        for first in range(0, len(chosen), self.batch_size):
            part = chosen[first : first + self.batch_size]
            clips = [read_clip(film, index, self.how) for _, film, index in part]
            fitted = [fit_clip(clip, window_of(clip.cameras[0], hw, self.fov_deg.get(hw)), hw) for clip in clips]
            names = [f"{film.name}, frame {film.numbers[index]}" for _, film, index in part]
            batches.append(collate_clips(fitted, self.how.sources, [source for source, _, _ in part], names))
        return batches

    def angles(self, hw: tuple[int, int]) -> tuple[float, ...]:
        """Return the horizontal and the vertical field of view of a shape's windows, degrees; () where films keep their own."""
        if hw not in self.fov_deg:
            return ()
        across = tan(radians(self.fov_deg[hw]) / 2)
        return self.fov_deg[hw], degrees(2 * atan(across * hw[0] / hw[1]))

    def _fields_of_view(self) -> dict[tuple[int, int], float]:
        """Return the field of view of each shape's windows; none where each film keeps its own."""
        how = self.how
        if how.field_of_view == "own":
            if how.fov_deg:
                raise LeadlineError(
                    f"data.video.fov_deg={how.fov_deg:g}: expected data.video.field_of_view=common with it, or 0"
                )
            return {}
        if how.area != (1.0, 1.0):
            raise LeadlineError(
                f"data.video.area={how.area} with field_of_view=common: expected 1,1, since a crop would change the field of "
                "view"
            )
        cameras: dict[Camera, str] = {}
        for film in (film for films in self.films for film in films):
            for camera in (*film.cameras, *film.partner_cameras):
                cameras.setdefault(camera, film.name)
        found = {hw: how.fov_deg or common_fov(cameras, hw) for hw in self.shapes}
        for hw, fov_deg in found.items():
            for camera, name in cameras.items():
                try:
                    window_of(camera, hw, fov_deg)
                except LeadlineError as error:
                    raise LeadlineError(f"{name}: {error}") from None
            self.notes.append(f"at {hw[1]} x {hw[0]} every film is cropped to {fov_deg:.1f} degrees from left to right")
        return found

    def _divide(self, source: VideoSource, films: Sequence[Film]) -> None:
        """Note which targets of a source are learnt from and which are held out."""
        train: list[Place] = []
        validation: list[Place] = []
        # Room for the neighbours on either side.
        before, after = max(0, -min(self.how.offsets)), max(0, *self.how.offsets)
        if self.how.views == "stereo":
            before = after = 0
        for number, film in enumerate(films):
            if self.how.views != "mono" and film.partners is None:
                raise LeadlineError(
                    f"{film.name} has no other eye for data.video.views={self.how.views}: expected left and right pictures and "
                    "their baseline, or data.video.views=mono"
                )
            allowed = [
                Place(number, index)
                for index in range(before, len(film) - after)
                if film.targets is None or film.numbers[index] in film.targets
            ]
            cut = len(film) - len(film) // HELD_OUT_PART
            if len(films) >= FEWEST_FILMS:
                (validation if held_out(film.name) else train).extend(allowed)
            else:  # no frame is on both sides
                train += [place for place in allowed if place.frame + after < cut]
                validation += [place for place in allowed if place.frame - before >= cut]
            self.notes += [f"{film.name}: {note}" for note in film.notes]
        dropped, frames = sum(film.dropped for film in films), sum(film.frames for film in films)
        if dropped:
            self.notes.append(f"{source.text}: {dropped} of {frames} frames were left out, the camera stood still in them")
        if not train:
            self._refuse(source, frames, dropped, 1 + before + after)
        self.training.append(train)
        self.validation.append(validation)

    def _refuse(self, source: VideoSource, frames: int, dropped: int, needed: int) -> None:
        if frames < needed:
            raise LeadlineError(f"{source.text} has {frames} frame{'s' * (frames != 1)}: expected a film of at least {needed}")
        if dropped:
            raise LeadlineError(
                f"{source.text} shows no motion: {frames - dropped} of {frames} frames are left, {needed} are needed; film "
                f"while you walk, or lower data.video.least_motion={self.how.least_motion:g}"
            )
        raise LeadlineError(
            f"{source.text}: none of its {frames} frames has neighbours at {self.how.offsets}: expected a longer film"
        )


def collate_clips(
    clips: Sequence[Clip], offsets: Sequence[int], origin: Sequence[int] = (), names: Sequence[str] = ()
) -> VideoBatch:
    """Stack clips of one size."""
    pictures, seen = (np.stack([getattr(clip, part) for clip in clips], axis=1) for part in ("pictures", "seen"))
    intrinsics = np.stack([[camera.intrinsics for camera in clip.cameras] for clip in clips], axis=1).astype(np.float32)
    return VideoBatch(
        pictures[0],
        pictures[1:],
        seen[0],
        seen[1:],
        intrinsics[0],
        intrinsics[1:],
        np.stack([clip.partner_from_target for clip in clips]).astype(np.float32),
        tuple(offsets),
        np.asarray(origin if len(origin) else np.zeros(len(clips)), np.int64),
        tuple(names),
        _truth(clips, offsets),
    )


def _truth(clips: Sequence[Clip], offsets: Sequence[int]) -> NDArray[np.float32] | None:
    eyes: list[list[NDArray[np.float32]]] = []
    for clip in clips:
        if clip.points is None:
            return None
        eyes.append([depth_of_points(clip.points, clip.cameras[0])])
        if PARTNER in offsets:
            camera = clip.cameras[1 + tuple(offsets).index(PARTNER)]
            eyes[-1].append(depth_of_points(moved(clip.points, clip.partner_from_target), camera))
    return np.stack([np.stack(each) for each in eyes], axis=1) if eyes else None
