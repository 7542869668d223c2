"""The things of a film that move: stood where they are in a frame, in a scene that Mitsuba has loaded already."""

from __future__ import annotations

import gc
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leadline.data.synthetic.mitsuba_scene import shape_name, vertex_normals
from leadline.data.synthetic.scene import Move, Thing

_ROUND = 16  # floats: 64 bytes


class Movers:
    """Moves objects from frame to frame. Only their vertices are written anew; all else of the scene stays.

    Args:
        mi: Mitsuba.
        mi_scene: of `things`, in which thing i is the shape ``shape_name(i)``.
        things: of the whole scene.
        moves: of some of its objects.
    """

    def __init__(self, mi: Any, mi_scene: Any, things: Sequence[Thing], moves: Sequence[Move]) -> None:
        self._mi, self._scene, self._moves = mi, mi_scene, moves
        self._params, self._vectorised = mi.traverse(mi_scene), not mi.variant().startswith("scalar")
        by_instance: dict[int, list[_Part]] = {move.instance: [] for move in moves}
        for i, thing in enumerate(things):
            if thing.instance in by_instance:
                by_instance[thing.instance].append(_Part(shape_name(i), thing))
        self._parts = [by_instance[move.instance] for move in moves]
        self._held: dict[str, NDArray[np.float32]] = {}

    def place(self, frame: int) -> None:
        """Stand everything where it is in `frame`."""
        import drjit as dr

        if self._vectorised:
            dr.sync_thread()
        for move, parts in zip(self._moves, self._parts, strict=True):
            for part in parts:
                for name, values in part.at(move.world_from_start[frame]).items():
                    self._write(name, values)
        self._params.update()

    def _write(self, name: str, values: NDArray[Any]) -> None:
        """Write numbers into the memory that Mitsuba was given at first: recorded programs read there and nowhere else."""
        if name not in self._held or not self._vectorised:
            self._held[name] = _aligned(values)
            self._params[name] = self._held[name]
        else:
            self._held[name][:] = values.ravel()
            self._params.set_dirty(name)

    def moving(self, frame: int, instance: NDArray[np.uint16]) -> NDArray[np.bool_]:
        """Return where a map of object numbers shows something that moves in `frame`."""
        return np.isin(instance, [move.instance for move in self._moves if move.is_moving(frame)])


class _Part:
    """One moving mesh: where its vertices and normals start."""

    def __init__(self, shape: str, thing: Thing) -> None:
        pose = thing.world_from_mesh
        self._shape = shape
        self._vertices = thing.mesh.vertices @ pose[:3, :3].T + pose[:3, 3]
        self._normals = vertex_normals(self._vertices, np.asarray(thing.mesh.faces)) if thing.mesh.smooth else None

    def at(self, world_from_start: NDArray[np.float64]) -> dict[str, NDArray[Any]]:
        """Return vertices and normals, by parameter, where the motion takes them."""
        turn, shift = world_from_start[:3, :3], world_from_start[:3, 3]
        values = {f"{self._shape}.vertex_positions": self._vertices @ turn.T + shift}
        if self._normals is not None:
            values[f"{self._shape}.vertex_normals"] = self._normals @ turn.T
        return values


def _aligned(values: NDArray[Any]) -> NDArray[np.float32]:
    """Return the values in a row that starts at a round address: Dr.Jit keeps the memory, and records anew for another kind."""
    room = np.empty(values.size + _ROUND, np.float32)
    start = (-room.ctypes.data // room.itemsize) % _ROUND
    row = room[start : start + values.size]
    row[:] = values.ravel()
    return row


class Recorder:
    """Replays what Dr.Jit was told to do for the first frame: in a scene of many looks, telling costs more than doing.

    Args:
        state: all Mitsuba objects that the programs may meet, the scene first.
    """

    def __init__(self, state: Sequence[Any]) -> None:
        self._state = list(state)
        self._recorded: dict[tuple[object, ...], Any] = {}

    def forget(self) -> None:
        """Let go of what was recorded, and with it of the scene: one that lingers keeps the next from being recorded."""
        self._recorded.clear()
        gc.collect()

    def run(self, key: tuple[object, ...], program: Callable[..., Any], *inputs: Any) -> Any:
        """Return ``program(*inputs)``. `key` names the program and all that it depends on beside `inputs`, sizes included.

        A program that cannot be recorded is told anew each time: slower, with the same result.
        """
        import drjit as dr

        if key not in self._recorded:
            self._recorded[key] = dr.freeze(lambda state, *rest: program(*rest)) if hasattr(dr, "freeze") else None
        recorded = self._recorded[key]
        if recorded is None:
            return program(*inputs)
        try:
            return recorded(self._state, *inputs)
        except RuntimeError:  # Dr.Jit met an object of a scene that has not been cleared away
            self._recorded[key] = None
            return program(*inputs)
