"""What `make demo` runs: depth for the real photos that scikit-image ships, with the command line, as a user would."""

from __future__ import annotations

import argparse
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from PIL import Image

PHOTOS = ("chelsea.png", "coffee.png", "rocket.jpg", "astronaut.png")


def photos() -> list[Path]:
    """Return the paths of the photos inside the installed scikit-image package (without importing it)."""
    spec = find_spec("skimage")
    if spec is None or not spec.submodule_search_locations:
        sys.exit("scikit-image is not installed: run `make demo`, or pip install scikit-image")
    folder = Path(next(iter(spec.submodule_search_locations))) / "data"
    found = [folder / name for name in PHOTOS if (folder / name).is_file()]
    return found or sys.exit(f"no photos in {folder}: expected some of {', '.join(PHOTOS)}")


def main() -> None:
    """Predict depth for the photos and say where everything is."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("demo_out"))
    out: Path = parser.parse_args().out
    found = photos()
    command = [sys.executable, "-m", "leadline", "predict", *map(str, found), "--out", str(out)]
    command += ["--write", "png16,npz,preview,ply", "--side-by-side"]
    print("$ leadline " + " ".join(command[3:]), flush=True)
    if code := subprocess.run(command, check=False).returncode:
        sys.exit(code)

    pairs = [Image.open(out / f"{path.stem}.preview.png").convert("RGB") for path in found]
    height = 300
    rows = [picture.resize((round(picture.width * height / picture.height), height)) for picture in pairs]
    sheet = Image.new("RGB", (max(row.width for row in rows), height * len(rows)), "white")
    for i, row in enumerate(rows):
        sheet.paste(row, (0, height * i))
    sheet.save(out / "demo.png")
    print(f"\nDepth files (.npz, 16-bit .depth.png), previews (.preview.png) and point clouds (.ply) are in {out.resolve()}")
    print(f"All photos beside their depth: {(out / 'demo.png').resolve()}")


if __name__ == "__main__":
    main()
