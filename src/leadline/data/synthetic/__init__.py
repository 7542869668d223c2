"""synthetic/: worlds described in NumPy, rendered with Mitsuba, stored as plain folders with exact truth.

`job.synthesize` renders a world into a folder (`layout`), `sheet.contact_sheet` shows one; `analytic` needs only NumPy.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from leadline.data.synthetic.job import synthesize
    from leadline.data.synthetic.layout import check_folder, iter_views, read_view
    from leadline.data.synthetic.sheet import contact_sheet

__all__ = ["check_folder", "contact_sheet", "iter_views", "read_view", "synthesize"]

_HOME = {"synthesize": "job", "contact_sheet": "sheet", "check_folder": "layout", "iter_views": "layout", "read_view": "layout"}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
