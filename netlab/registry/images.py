"""Container images that other packages bring: each a folder with a Dockerfile, as netlab's own are below images/.

A package names the folder, a `pathlib.Path`, by an entry point of the group `netlab.images`. netlab's own images are
files of a clone and need none. scripts/build-images runs this module, which prints them, one a line: name, tab, folder.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from netlab.model.errors import HostError
from netlab.registry import Registry

IMAGES = Registry("netlab.images", "image", Path, {})
_NAME = re.compile(r"[a-z][a-z0-9-]*")
_UNPRINTABLE = re.compile(r"[\t\n]")


def folder(name: str) -> Path:
    """Where the Dockerfile of that image is. KeyError where there is none, HostError where it cannot be used."""
    found = IMAGES.load(name)
    if not _NAME.fullmatch(name):
        raise HostError(f"an image cannot be called {name!r}", "name it by lower-case letters, digits and hyphens")
    if _UNPRINTABLE.search(str(found)) or not (found / "Dockerfile").is_file():
        raise HostError(f"image {name}: there is no Dockerfile in {str(found)!r}", "mend or uninstall its package")
    return found


def main() -> int:
    """Print them all; what cannot be used is a line on standard error and stands in no other's way."""
    for name in IMAGES.names():
        try:
            print(f"{name}\t{folder(name)}")
        except HostError as error:
            print(f"{error} (to mend it: {error.remedy})", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
