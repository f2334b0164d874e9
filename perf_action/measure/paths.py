"""File names in profiles without the folders of this machine: two checkouts must compare, and a report is read elsewhere."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

_INSTALLED = re.compile(r".*/(?:site|dist)-packages/")
_STANDARD = re.compile(r".*/lib(?:64)?/(python3\.\d+/)")


def relative_to(checkout: Path) -> Callable[[str], str]:
    """A function that shortens the name of a file: inside the checkout to the path from its root, an installed package
    to ``site-packages/…``, the standard library to ``python3.11/…``.
    """
    root = f"{checkout.resolve()}/"

    def shorten(file: str) -> str:
        packaged = _INSTALLED.sub("site-packages/", file)
        if packaged != file:
            return packaged
        if file.startswith(root):
            return file[len(root) :]
        return _STANDARD.sub(r"\1", file)

    return shorten
