"""Furniture models and tiling textures with free licences, fetched once and kept as small .npz files.

``python -m leadline.data.synthetic.assets --root DIR`` fills a folder from Debian's ``sweethome3d-furniture`` (CC0, CC BY 3.0)
and PyPI's ``miniworld`` (Apache-2.0). `Assets.load` reads it; without a folder there are no assets and worlds stay procedural.
A model stands on z = 0 around the z axis in metres; its width runs along x and its front looks along -y.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from leadline.data.synthetic.scene import Look, Mesh, Thing
from leadline.data.synthetic.shapes import CREASE_M
from leadline.data.synthetic.textures import linear

MAX_TRIANGLES = 40_000
TEXTURE_PX = 512


@dataclass(frozen=True)
class ModelInfo:
    """One furniture model: what it is, how large, and whose.

    Attributes:
        kind: the role it can play in a room, one of `KINDS` or "other".
        size: width (x), depth (y), height (z) in metres.
        elevation: height above the floor at which it usually hangs or stands, metres.
        top: height of the surface that carries things, above its own foot, or None.
    """

    id: str
    name: str
    kind: str
    category: str
    size: tuple[float, float, float]
    elevation: float
    top: float | None
    triangles: int
    licence: str
    author: str
    source: str
    file: str


@dataclass(frozen=True)
class TextureInfo:
    """One tiling texture and the part it can play ("floor", "wall", ...)."""

    id: str
    part: str
    licence: str
    author: str
    source: str
    file: str


@dataclass(frozen=True)
class Assets:
    """What can be placed in a world besides procedural things."""

    root: Path | None = None
    models: tuple[ModelInfo, ...] = ()
    textures: tuple[TextureInfo, ...] = ()

    @classmethod
    def load(cls, root: Path | None) -> Assets:
        """Return the assets listed in ``root/manifest.json``, or empty assets when there is no such file."""
        path = None if root is None else Path(root) / "manifest.json"
        if path is None or not path.is_file():
            return cls()
        listed = json.loads(path.read_text(encoding="utf-8"))
        models = tuple(ModelInfo(**{**m, "size": tuple(m["size"])}) for m in listed["models"])
        return cls(root, models, tuple(TextureInfo(**t) for t in listed["textures"]))

    def of_kind(self, *kinds: str) -> tuple[ModelInfo, ...]:
        """Return the models that play one of these roles."""
        return tuple(m for m in self.models if m.kind in kinds)

    def pick(self, rng: np.random.Generator, *kinds: str) -> ModelInfo | None:
        """Return a random model of these kinds, or None when there is none."""
        found = self.of_kind(*kinds)
        return found[int(rng.integers(len(found)))] if found else None

    def things(self, model: ModelInfo) -> tuple[Thing, ...]:
        """Return the model's parts, standing at the origin. Reading takes milliseconds and is cached."""
        if self.root is None:
            raise ValueError(f"model {model.id!r} asked of assets without a folder; use Assets.load(root)")
        return _read_model(self.root / model.file)

    def texture(self, info: TextureInfo) -> NDArray[np.uint8]:
        """Return the texture, (h, w, 3) uint8 sRGB."""
        if self.root is None:
            raise ValueError(f"texture {info.id!r} asked of assets without a folder; use Assets.load(root)")
        return _read_texture(self.root / info.file)


@lru_cache(maxsize=256)
def _read_model(path: Path) -> tuple[Thing, ...]:
    with np.load(path) as stored:
        parts = json.loads(stored["parts"].tobytes())
        images = [_decode(stored[f"texture{i}"]) for i in range(parts["textures"])]
        things = []
        for i, look in enumerate(parts["looks"]):
            texture = None if look["texture"] is None else images[look["texture"]]
            mesh = Mesh(stored[f"v{i}"], stored[f"f{i}"], stored[f"uv{i}"], smooth=look["smooth"])
            things.append(Thing(mesh, Look(look["kind"], tuple(look["colour"]), texture, look["roughness"]), instance=1))
    return tuple(things)


@lru_cache(maxsize=64)
def _read_texture(path: Path) -> NDArray[np.uint8]:
    return _decode(np.fromfile(path, np.uint8))


def _decode(data: NDArray[np.uint8]) -> NDArray[np.uint8]:
    image = cv2.imdecode(data, cv2.IMREAD_COLOR)
    if image is None:
        raise ValueError("a stored texture cannot be decoded; delete the assets folder and fetch it again")
    return np.ascontiguousarray(image[..., ::-1], np.uint8)


# --- what a model is -------------------------------------------------------------------------------------------------

# The first pattern that fits the name decides. Roles with a size test are settled in `_kind`.
KINDS: dict[str, str] = {
    "person": r"^(fe)?male$|holding|sitting (fe)?male|sitting (boy|girl)|^boy$|^girl$",
    "skip": r"lying down|swimming|pool lounge|bill \d|\brails\b|crossing|arrow|parking|plug|switch|socket|smoke"
    r"|elevator|escalator|garage door|porch column|contemporary living|fluorescent|railing|chimney|sidewalk"
    r"|shutter|barnum|goal|urinal|hospital|staircase|intercom|entry|antenna|hanging clothes|tatami|coathanger"
    r"|clothes hanger|snow|exterior|elevator|hatch|cctv"
    r"|truck|peterbilt|bus$|fountain|camping tent|garden hut|hose|water heater|diving|jacuzzi|boiler|bath$|bathtub",
    "car": r"sedan|beetle|renault|peugeot|seat leon|suv|chevrolet|\bvan\b|smart car|ford focus|car model",
    "bike": r"motorbike|yamaha|scooter|bike|bicycle|tricycle|wheelchair|wheelbarrow|lift|stroller|mower",
    "tree": r"acacia|poplar|palm|pine$|beech|cypress|maple|peach|coconut|\bbush\b|hedge|christmas",
    "animal": r"\bcat\b|\bdog\b|horse$|rabbit|bulldog|deer|chicken$",
    "window": r"window|screen door|double door|^door$|glass door$|shower door",
    "curtain": r"curtain|blind",
    "rug": r"carpet|rug$|bathmat|doormat",
    "wall": r"clock$|calendar|frame|radiator|dart|white board|wall (lamp|light|spot|flat|hanger)|towel rack|emergency|cuckoo"
    r"|conditioning|upper|hood$|extinguisher|intercom|paper (dispenser)|thermometer|hanger",
    "hanging": r"hanging|pendant|chandelier|ceiling (lamp|fan)|track lights|porch light",
    "tv": r"^tv\b|tv 16|imac|monitor|^screen$|ibook|laptop",
    "bed": r"bed\b(?!side)|futon$|crib|captain|mezzanine",
    "bedside": r"bedside|night",
    "sofa": r"sofa|couch",
    "armchair": r"armchair|winchester|relax|puff|ottoman|deck chair|beach chair|ryokan",
    "coffee_table": r"coffee table|little table|technical table|tv stand|television cabinet",
    "desk": r"desk(?! lamp)|vanity|dressing table|workbench|changing",
    "lamp": r"lamp|candle|lantern",
    "plant": r"plant|ficus|cactus|bonsai|orchid|tulip|flower|yucca|bamboo|lily|spathi",
    "table": r"table(?! tennis| fan)|island ext|chessboard table",
    "chair": r"chair|stool|bench|seat|ottoman|wood bank|little bank",
    "fridge": r"fridge|refrigerator|high cabinet|cooler",
    "kitchen": r"lower|sink cabinet|oven|stove|cooker$|washing machine|dryer|washbasin|sink|lavatory|toilets unit"
    r"|bidet|island|freezer|basin",
    "cabinet": r"cabinet|wardrobe|bookcase|shelves|cupboard|drawers|dresser|locker|safe|piano|fireplace|chest|rack"
    r"|tower|stereo$|trunk|trunck",
}


def _kind(name: str, category: str, size: tuple[float, float, float], elevation: float) -> str:
    low = name.lower()
    kind = next((k for k, pattern in KINDS.items() if re.search(pattern, low)), "other")
    largest = max(size)
    if kind in ("skip", "person", "car", "tree", "window", "curtain", "rug", "hanging", "bike") or category in (
        "Vehicles",
        "Staircases",
    ):
        return kind
    if kind not in ("wall",) and largest < 0.55 and elevation < 0.1:
        return {"lamp": "table_lamp", "plant": "small_plant", "animal": "animal"}.get(kind, "small")
    if kind == "lamp":
        return "table_lamp" if size[2] < 0.85 else ("floor_lamp" if size[2] < 2.2 and largest < 2.2 else "outdoor")
    if kind == "other":
        if elevation > 0.3:
            return "wall"
        return "outdoor" if category == "Exterior" or largest > 2 else "standing"
    return kind


# --- fetching --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Entry:
    """One catalogue entry: everything of `ModelInfo` that is known before the model is read."""

    info: ModelInfo
    archive: Path
    member: str
    rotation: NDArray[np.float64]
    default_texture: str | None = None


def fetch_assets(root: Path, deb: Path | None = None, wheel: Path | None = None) -> Assets:
    """Fill `root` with models and textures, skipping those it has, and return what it then holds.

    Args:
        root: folder for the models, textures, licences and manifest.json (written last, so a broken run is resumed).
        deb: an already downloaded sweethome3d-furniture package; otherwise ``apt-get download`` gets it.
        wheel: an already downloaded miniworld wheel; otherwise ``pip download`` gets it.

    Raises:
        subprocess.CalledProcessError: a client (apt-get, dpkg-deb, pip) failed.
    """
    for folder in ("models", "textures", "licences"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        work = Path(scratch)
        if deb is None:
            subprocess.run(["apt-get", "download", "sweethome3d-furniture"], cwd=work, check=True)
            deb = next(work.glob("sweethome3d-furniture*.deb"))
        if wheel is None:
            subprocess.run(
                [sys.executable, "-m", "pip", "download", "--no-deps", "--dest", str(work), "miniworld==2.1.0"], check=True
            )
            wheel = next(work.glob("miniworld*.whl"))
        subprocess.run(["dpkg-deb", "-x", str(deb), str(work / "deb")], check=True)
        entries = [*_sweethome_entries(work / "deb", root / "licences"), *_miniworld_entries(wheel)]
        models, dropped = [], {}
        for entry in entries:
            try:
                models.append(_store_model(entry, root))
            except (ValueError, KeyError, IndexError) as error:
                dropped[entry.info.id] = str(error)
        textures = list(_store_textures(wheel, root))
    manifest = {"models": [asdict(m) for m in models], "textures": [asdict(t) for t in textures], "dropped": dropped}
    _write(root / "manifest.json", json.dumps(manifest, indent=1).encode())
    return Assets.load(root)


_LICENCES = {
    "BlendSwap-CC-0": "CC0-1.0",
    "BlendSwap-CC-BY": "CC-BY-3.0",
    "KatorLegaz": "CC-BY-3.0-US",
    "Reallusion": "CC-BY-3.0-US",
    "Scopia": "CC-BY-3.0",
}


def _sweethome_entries(unpacked: Path, licences: Path) -> Iterator[_Entry]:
    for archive in sorted(unpacked.rglob("*.sh3f")):
        with zipfile.ZipFile(archive) as z:
            text = z.read("PluginFurnitureCatalog.properties").decode("latin-1")
            _write(licences / f"{archive.stem}.txt", z.read("LICENSE.TXT"))
        listed: dict[int, dict[str, str]] = {}
        for key, number, value in re.findall(r"^(\w+)#(\d+)=(.*?)\s*$", text, re.MULTILINE):
            listed.setdefault(int(number), {})[key] = value.encode("latin-1").decode("unicode_escape")
        for number, item in sorted(listed.items()):
            width, depth, height = (float(item[k]) / 100 for k in ("width", "depth", "height"))
            elevation = float(item.get("elevation", 0)) / 100
            top = float(item["dropOnTopElevation"]) / 100 if "dropOnTopElevation" in item else None
            turn = np.array([float(x) for x in item.get("modelRotation", "1 0 0 0 1 0 0 0 1").split()]).reshape(3, 3)
            ident = f"{archive.stem.lower()}-{number:03d}"
            info = ModelInfo(
                id=ident,
                name=item["name"],
                kind=_kind(item["name"], item["category"], (width, depth, height), elevation),
                category=item["category"],
                size=(width, depth, height),
                elevation=elevation,
                top=top,
                triangles=0,
                licence=_LICENCES[archive.stem],
                author=item["creator"],
                source=f"sweethome3d-furniture {archive.name} {item['id']}",
                file=f"models/{ident}.npz",
            )
            yield _Entry(info, archive, item["model"].lstrip("/"), turn)


# name: (role, height in metres); the models themselves have no unit
_MINIWORLD_MODELS = {
    **{f"ball_{c}": ("small", 0.22) for c in ("blue", "green", "grey", "purple", "red", "yellow")},
    **{f"key_{c}": ("small", 0.08) for c in ("blue", "green", "grey", "purple", "red", "yellow")},
    "barrel": ("standing", 0.9),
    "barrier": ("outdoor", 1.0),
    "cone": ("standing", 0.7),
    "duckie": ("small", 0.12),
    "medkit": ("small", 0.2),
    "office_chair": ("chair", 1.1),
    "office_desk": ("desk", 0.75),
    "potion": ("small", 0.2),
}


def _miniworld_entries(wheel: Path) -> Iterator[_Entry]:
    with zipfile.ZipFile(wheel) as z:
        names = set(z.namelist())
    for name, (kind, height) in _MINIWORLD_MODELS.items():
        info = ModelInfo(
            id=f"miniworld-{name}",
            name=name.replace("_", " "),
            kind=kind,
            category="miniworld",
            size=(0.0, 0.0, height),
            elevation=0.0,
            top=height if kind == "desk" else None,
            triangles=0,
            licence="Apache-2.0",
            author="The miniworld authors (Farama Foundation)",
            source="miniworld 2.1.0",
            file=f"models/miniworld-{name}.npz",
        )
        image = f"miniworld/meshes/{name}.png"
        yield _Entry(info, wheel, f"miniworld/meshes/{name}.obj", np.eye(3), image if image in names else None)


_TEXTURE_PARTS = {
    "asphalt": "asphalt",
    "brick_wall": "brick",
    "cardboard": "cardboard",
    "ceiling": "ceiling",
    "cinder_blocks": "brick",
    "concrete_tiles": "floor",
    "concrete": "concrete",
    "door": "door",
    "drywall": "wall",
    "floor_tiles": "floor",
    "grass": "grass",
    "marble": "floor",
    "metal_grill": "metal",
    "picket_fence": "fence",
    "rock": "rock",
    "stucco": "wall",
    "water": "water",
    "wood": "floor",
}


def _store_textures(wheel: Path, root: Path) -> Iterator[TextureInfo]:
    with zipfile.ZipFile(wheel) as z:
        for name in sorted(n for n in z.namelist() if re.fullmatch(r"miniworld/textures/\w+\.png", n)):
            stem = PurePosixPath(name).stem
            part = next((p for prefix, p in _TEXTURE_PARTS.items() if stem.startswith(prefix)), None)
            if part is None or "doom" in stem:
                continue
            path = root / "textures" / f"{stem}.jpg"
            if not path.is_file():
                _write(path, _encode(_image(z.read(name))[0]).tobytes())
            yield TextureInfo(
                stem,
                part,
                "Apache-2.0",
                "The miniworld authors (Farama Foundation)",
                "miniworld 2.1.0",
                f"textures/{path.name}",
            )


def _store_model(entry: _Entry, root: Path) -> ModelInfo:
    """Write the model's .npz unless it is there and return its completed entry. Raises ValueError for a broken model."""
    path = root / entry.info.file
    if not path.is_file():
        with zipfile.ZipFile(entry.archive) as z:
            _convert(z, entry, path)
    with np.load(path) as stored:
        parts = json.loads(stored["parts"].tobytes())
    return replace(entry.info, size=tuple(parts["size"]), triangles=parts["triangles"])


def _convert(z: zipfile.ZipFile, entry: _Entry, path: Path) -> None:
    folder = PurePosixPath(entry.member).parent
    names = set(z.namelist())
    obj = _read_obj(z.read(entry.member).decode("latin-1"))
    materials: dict[str, dict[str, str]] = {}
    for library in obj.libraries:
        if str(folder / library) in names:
            materials.update(_read_mtl(z.read(str(folder / library)).decode("latin-1")))
    points = (obj.points @ entry.rotation.T) @ np.array([[1, 0, 0], [0, 0, 1], [0, -1, 0]])  # y up -> z up: (x, -z, y)
    used = np.unique(np.concatenate([t[:, 0] for t in obj.corners.values()])) if obj.corners else np.zeros(0, int)
    if len(used) < 3:
        raise ValueError("no triangles")
    low, high = points[used].min(0), points[used].max(0)
    extent = np.maximum(high - low, 1e-9)
    wanted = np.array(entry.info.size)
    scale = wanted / extent if wanted[0] > 0 else np.full(3, wanted[2] / extent[2])
    if not np.isfinite(scale).all() or scale.max() > 50 * scale.min():
        raise ValueError(f"size {extent.tolist()} does not fit the catalogue's {wanted.tolist()}")
    points = (points - [(low[0] + high[0]) / 2, (low[1] + high[1]) / 2, low[2]]) * scale
    arrays: dict[str, NDArray[np.generic]] = {}
    looks: list[dict[str, Any]] = []
    images: dict[str, NDArray[np.uint8]] = {}
    total = 0
    share = max(1.0, sum(len(t) for t in obj.corners.values()) / 3 / MAX_TRIANGLES)
    if share > 6:
        raise ValueError(f"{int(share * MAX_TRIANGLES)} triangles are too many to thin out")
    for name, corners in obj.corners.items():
        vertices, faces, uv = _part(points, obj, corners)
        if share > 1:
            vertices, faces, uv = _thinned(vertices, faces, uv, int(len(faces) / share))
        if len(faces) == 0:
            continue
        look = _look(name, materials.get(name, {}))
        image_name = materials.get(name, {}).get("map_kd", "").strip().split(" ")[-1]
        member = str(folder / image_name) if image_name else entry.default_texture
        if member in names and look["kind"] not in ("mirror", "thin_glass") and not str(member).endswith("/"):
            image, cover = _image(z.read(str(member)))
            if cover < 0.6:
                raise ValueError("cut-out textures (leaves on cards) need alpha")
            look["texture"] = list(images).index(member) if member in images else len(images)
            images.setdefault(str(member), _encode(image))
            if look["kind"] == "metal":
                look["kind"] = "plastic"
        look["smooth"] = _can_be_smooth(vertices, faces)
        i = len(looks)
        arrays |= {f"v{i}": vertices.astype(np.float32), f"f{i}": faces.astype(np.int32), f"uv{i}": uv.astype(np.float32)}
        looks.append(look)
        total += len(faces)
    if total < 4:
        raise ValueError(f"only {total} triangles left")
    parts = {"looks": looks, "textures": len(images), "triangles": total, "size": [float(x) for x in extent * scale]}
    arrays["parts"] = np.frombuffer(json.dumps(parts).encode(), np.uint8)
    arrays |= {f"texture{i}": image for i, image in enumerate(images.values())}
    partial = path.with_name(f".{path.name}.{os.getpid()}.npz")
    np.savez(partial, allow_pickle=False, **arrays)
    partial.replace(path)


@dataclass(frozen=True)
class _Obj:
    """An OBJ file: points (n, 3), uv (k, 2), normals (l, 3), and each material's triangle corners (3 t, 3), -1 for none."""

    points: NDArray[np.float64]
    uv: NDArray[np.float64]
    normals: NDArray[np.float64]
    corners: dict[str, NDArray[np.int64]]
    libraries: list[str]


def _read_obj(text: str) -> _Obj:
    numbers: dict[str, list[list[str]]] = {"v": [], "vt": [], "vn": []}
    corners: dict[str, list[tuple[int, int, int]]] = {}
    libraries: list[str] = []
    current: list[tuple[int, int, int]] = corners.setdefault("", [])
    known: dict[str, tuple[int, int, int]] = {}
    for line in text.replace("\\\n", " ").splitlines():
        key, _, rest = line.strip().partition(" ")
        if key in numbers:
            numbers[key].append(rest.split()[:3])
        elif key == "f":
            face = []
            for word in rest.split():
                at = known.get(word)
                if at is None or word.startswith("-"):
                    fields = [int(x) if x else 0 for x in word.split("/")] + [0, 0]
                    counts = (len(numbers["v"]), len(numbers["vt"]), len(numbers["vn"]))
                    a, b, c = (k - 1 if k > 0 else (n + k if k < 0 else -1) for k, n in zip(fields, counts, strict=False))
                    at = known[word] = (a, b, c)
                face.append(at)
            for k in range(1, len(face) - 1):
                current += (face[0], face[k], face[k + 1])
        elif key == "usemtl":
            current = corners.setdefault(rest.strip(), [])
        elif key == "mtllib":
            libraries.append(rest.strip())

    def table(key: str, width: int) -> NDArray[np.float64]:
        return np.array([row[:width] for row in numbers[key]], np.float64).reshape(-1, width)

    packed = {name: np.array(c, np.int64).reshape(-1, 3) for name, c in corners.items() if c}
    return _Obj(table("v", 3), table("vt", 2), table("vn", 3), packed, libraries)


def _part(
    points: NDArray[np.float64], obj: _Obj, corners: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.float64]]:
    """Return vertices, faces, uv of one material; a vertex is doubled where its normal or uv differs (creases, seams)."""
    position = points[corners[:, 0]]
    uv = obj.uv[corners[:, 1]] if len(obj.uv) and corners[:, 1].min() >= 0 else np.zeros((len(corners), 2))
    uv = uv - np.floor(uv.min(0))  # textures repeat
    if not np.isfinite(uv).all() or uv.max() > 1000:  # broken: such numbers have no place between texels in float32
        uv = np.zeros_like(uv)
    if len(obj.normals) and corners[:, 2].min() >= 0:
        normal = obj.normals[corners[:, 2]]
    else:
        a, b, c = position[0::3], position[1::3], position[2::3]
        normal = np.repeat(np.cross(b - a, c - a), 3, axis=0)
        normal /= np.linalg.norm(normal, axis=1, keepdims=True) + 1e-12
    size = max(float(np.ptp(position, axis=0).max()), 1e-6)
    key = np.concatenate([np.round(position / size * 4e4), np.round(normal * 12), np.round(uv * 2e3)], 1)
    _, first, index = np.unique(key, axis=0, return_index=True, return_inverse=True)
    faces = _single(position, index.reshape(-1, 3))
    apart = position[first] + CREASE_M * key[first, 3:6] / 12  # a renderer that welds by place keeps creases, see `shapes`
    return apart, _proper(position[first], faces), uv[first]


def _single(position: NDArray[np.float64], faces: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the faces without repeats: many models have each face twice, once from behind. `position`: (3 m, 3) of corners."""
    extent = max(float(np.ptp(position, axis=0).max()), 1e-6)
    _, place = np.unique(np.round(position / extent * 4e4), axis=0, return_inverse=True)
    _, first = np.unique(np.sort(place.reshape(-1, 3), axis=1), axis=0, return_index=True)
    return faces[np.sort(first)]


def _proper(vertices: NDArray[np.float64], faces: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the faces with three different corners and some area."""
    a, b, c = (vertices[faces[:, k]] for k in range(3))
    keep: NDArray[np.bool_] = np.linalg.norm(np.cross(b - a, c - a), axis=1) > 1e-12
    return faces[keep]


def _can_be_smooth(vertices: NDArray[np.float64], faces: NDArray[np.int64]) -> bool:
    """Return False where the normals of faces that meet at one place cancel: leaves and sheets modelled from both sides."""
    a, b, c = (vertices[faces[:, k]] for k in range(3))
    normal = np.cross(b - a, c - a)
    cells = CREASE_M / 2, 1e-6 * float(np.ptp(vertices, axis=0).max())
    return all(_normals_add_up(vertices, faces, normal, cell) for cell in cells)


def _normals_add_up(vertices: NDArray[np.float64], faces: NDArray[np.int64], normal: NDArray[np.float64], cell: float) -> bool:
    _, place = np.unique(np.round(vertices / cell), axis=0, return_inverse=True)
    at = place.reshape(-1)[faces]
    total, size = np.zeros((at.max() + 1, 3)), np.zeros(at.max() + 1)
    np.add.at(total, at, normal[:, None])
    np.add.at(size, at, np.linalg.norm(normal, axis=1)[:, None])
    used = size > 0
    return bool((np.linalg.norm(total[used], axis=1) > 0.02 * size[used]).all())


def _thinned(
    vertices: NDArray[np.float64], faces: NDArray[np.int64], uv: NDArray[np.float64], wanted: int
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.float64]]:
    """Merge the vertices that share a cell of an ever coarser grid until at most `wanted` faces are left."""
    extent = float(np.ptp(vertices, axis=0).max())
    cells = 256.0
    kept, fine = faces, vertices
    while len(kept) > max(wanted, 12) and cells > 8:
        _, first, index = np.unique(np.round(vertices / extent * cells), axis=0, return_index=True, return_inverse=True)
        representative = first[index.reshape(-1)]
        kept = _proper(fine, np.unique(representative[faces], axis=0))
        cells *= 0.8
    used, index = np.unique(kept, return_inverse=True)
    return vertices[used], index.reshape(-1, 3), uv[used]


def _read_mtl(text: str) -> dict[str, dict[str, str]]:
    materials: dict[str, dict[str, str]] = {}
    current: dict[str, str] = {}
    for line in text.splitlines():
        key, _, rest = line.strip().partition(" ")
        if key == "newmtl":
            current = materials.setdefault(rest.strip(), {})
        elif key:
            current[key.lower()] = rest.strip().replace("\\", "/")
    return materials


def _look(name: str, material: dict[str, str]) -> dict[str, Any]:
    """Return the stored look of an MTL material (`Look`'s fields; texture is an index or None)."""
    low = name.lower()
    kd, ks = (_floats(material.get(k, ""), default) for k, default in (("kd", (0.6, 0.6, 0.6)), ("ks", (0.0, 0.0, 0.0))))
    shininess = _floats(material.get("ns", ""), (10.0,))[0]
    opacity = _floats(material.get("d", ""), (1.0,))[-1]
    if "d" not in material and "tr" in material:
        opacity = 1 - _floats(material["tr"], (0.0,))[0]
    red, green, blue = linear([min(max(255 * c, 5), 250) for c in kd])
    colour: tuple[float, float, float] = (red, green, blue)
    kind, roughness = "diffuse", float(np.clip(np.sqrt(2 / (shininess + 2)), 0.04, 0.5))
    if "mirror" in low or "miroir" in low:
        kind = "mirror"
    elif opacity < 0.9 or ("glass" in low and "map_kd" not in material and opacity < 1):
        kind, colour = "thin_glass", (1.0, 1.0, 1.0)
    elif re.search(r"steel|metal|chrom|alumin|brass|gold|silver|inox|iron\b|copper", low) and max(ks) > 0.05:
        kind, roughness = "metal", min(max(roughness, 0.05), 0.35)
        red, green, blue = (max(c, 0.25) for c in colour)
        colour = (red, green, blue)
    elif max(ks) > 0.15 and shininess > 5:
        kind = "plastic"
    return {"kind": kind, "colour": colour, "roughness": roughness, "texture": None}


def _floats(text: str, default: tuple[float, ...]) -> tuple[float, ...]:
    found = tuple(float(x) for x in re.findall(r"-?\d+\.?\d*(?:[eE][-+]?\d+)?", text))
    return found[: len(default)] if len(found) >= len(default) else default


def _image(data: bytes) -> tuple[NDArray[np.uint8], float]:
    """Return an encoded picture as (h, w, 3) uint8 BGR of at most `TEXTURE_PX`, and the opaque share of it."""
    raw = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if raw is None:
        raise ValueError("a texture cannot be decoded")
    if raw.dtype != np.uint8:
        raw = (raw / 257).astype(np.uint8)
    if raw.ndim == 2:
        raw = cv2.cvtColor(raw, cv2.COLOR_GRAY2BGR)
    cover = 1.0
    if raw.shape[2] == 4:
        solid = raw[..., 3] > 127
        cover = float(solid.mean())
        if 0 < cover < 1:
            raw[~solid, :3] = raw[solid, :3].mean(0)
        raw = raw[..., :3]
    shrink = TEXTURE_PX / max(raw.shape[:2])
    if shrink < 1:
        raw = cv2.resize(raw, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray(raw, np.uint8), cover


def _encode(bgr: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.asarray(cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, 92])[1], np.uint8).reshape(-1)


def _write(path: Path, data: bytes) -> None:
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    partial.write_bytes(data)
    partial.replace(path)


def main() -> None:
    """Fetch the assets and say what came."""
    parser = argparse.ArgumentParser(description="Fetch free furniture models and textures for synthetic worlds.")
    parser.add_argument("--root", type=Path, required=True, help="folder to fill")
    parser.add_argument("--deb", type=Path, help="an already downloaded sweethome3d-furniture .deb")
    parser.add_argument("--wheel", type=Path, help="an already downloaded miniworld .whl")
    args = parser.parse_args()
    assets = fetch_assets(args.root, args.deb, args.wheel)
    dropped = json.loads((args.root / "manifest.json").read_text(encoding="utf-8"))["dropped"]
    held = f"{len(assets.models)} models, {len(assets.textures)} textures in {args.root}"
    print(f"{held}; {len(dropped)} models dropped (see manifest.json)")


if __name__ == "__main__":
    main()
