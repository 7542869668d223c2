"""Whatever a picture file holds, as 8-bit sRGB."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from leadline.errors import LeadlineError

if TYPE_CHECKING:
    from PIL import Image

# A cut-out lies on white, as on a page; black would look like a night scene to a network.
BACKGROUND = (255, 255, 255)
# Rounding of a float file may push white over 1.
FLOAT_TOLERANCE = 0.01
_PROFILE_SPACES = {"RGB": "RGB ", "L": "GRAY", "CMYK": "CMYK"}


def to_srgb(image: Image.Image) -> NDArray[np.uint8]:
    """Return (h, w, 3) uint8 sRGB of any Pillow image.

    Grey is repeated, palettes are looked up, 16 bits are scaled to 8, floats are taken for 0..1 in the display's own curve,
    transparency is laid on white, and a colour profile other than sRGB (Adobe RGB, Display P3, a press's CMYK, ...) is
    converted where Pillow was built with LittleCMS, else ignored.

    Raises:
        LeadlineError: a float picture that holds NaN, infinities or numbers outside 0..1; wide integers outside 0..65535.
    """
    if image.mode.startswith(("I", "F")):
        return pixels_to_srgb(np.asarray(image))
    profile = image.info.get("icc_profile")
    alpha = None
    if image.has_transparency_data:
        image = image.convert("RGBA")
        alpha = image.getchannel("A")
        image = image.convert("RGB")
    if image.mode == "1":
        image = image.convert("L")
    elif image.mode not in _PROFILE_SPACES and image.mode != "LAB":
        image = image.convert("RGB")
    if profile or image.mode == "LAB":
        image = _through_profile(image, profile)
    image = image.convert("RGB")
    if alpha is not None and alpha.getextrema() != (255, 255):
        from PIL import Image as pil

        page = pil.new("RGB", image.size, BACKGROUND)
        page.paste(image, mask=alpha)
        image = page
    return np.array(image)  # a copy, because Pillow's own buffer is read-only


def pixels_to_srgb(pixels: NDArray[Any]) -> NDArray[np.uint8]:
    """Return (h, w, 3) uint8 of (h, w), (h, w, 1), (h, w, 3) or (h, w, 4) numbers; see `to_srgb` for ranges and errors."""
    if pixels.ndim == 2:
        pixels = pixels[..., None]
    if pixels.dtype == np.uint8:
        levels = pixels
    elif np.issubdtype(pixels.dtype, np.floating):
        levels = _from_floats(pixels)
    else:
        lowest, highest = int(pixels.min()), int(pixels.max())
        if lowest < 0 or highest > 65535:
            raise LeadlineError(f"numbers from {lowest} to {highest}: expected a picture of 8 or 16 bits; rescale it")
        levels = ((pixels.astype(np.uint32) * 255 + 32767) // 65535).astype(np.uint8)
    if levels.shape[2] == 4:
        alpha = levels[..., 3:].astype(np.uint32)
        page = np.array(BACKGROUND, np.uint32)
        levels = ((levels[..., :3] * alpha + page * (255 - alpha) + 127) // 255).astype(np.uint8)
    colours = levels[..., :3] if levels.shape[2] >= 3 else np.repeat(levels[..., :1], 3, axis=2)
    return np.ascontiguousarray(colours)


def _from_floats(pixels: NDArray[Any]) -> NDArray[np.uint8]:
    broken = pixels.size - int(np.count_nonzero(np.isfinite(pixels)))
    if broken:
        raise LeadlineError(f"{broken} of {pixels.size} numbers are NaN or infinite: expected 0..1; fill them in first")
    lowest, highest = float(pixels.min()), float(pixels.max())
    if lowest < -FLOAT_TOLERANCE or highest > 1 + FLOAT_TOLERANCE:
        raise LeadlineError(f"floats from {lowest:g} to {highest:g}: expected 0..1; divide the picture by its white level")
    levels: NDArray[np.uint8] = np.rint(np.clip(pixels, 0, 1) * 255).astype(np.uint8)
    return levels


def _through_profile(image: Image.Image, profile: bytes | None) -> Image.Image:
    try:
        from PIL import ImageCms
    except ImportError:
        return image
    try:
        if image.mode == "LAB":
            source = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
        else:
            assert profile is not None
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            if source.profile.xcolor_space != _PROFILE_SPACES[image.mode] or _is_srgb(source):
                return image
        target = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
        return ImageCms.profileToProfile(image, source, target, outputMode="RGB") or image
    except (ImageCms.PyCMSError, OSError):
        return image  # a broken profile: browsers show the numbers as they are, too


def _is_srgb(profile: Any) -> bool:
    """Whether the profile is one of the many that say they are sRGB; converting those would only cost time."""
    return "srgb" in (profile.profile.profile_description or "").lower()
