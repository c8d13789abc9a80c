"""Files of environment variables (`env-files`): lines of NAME=VALUE."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from netlab.model.errors import Position
from netlab.topology.names import is_env_name
from netlab.topology.paths import inside, read_regular
from netlab.topology.problems import Problems

_MAX_BYTES = 100_000
_LINE = re.compile(r"\s*(?:export\s+)?(?P<name>[^=\s]+)\s*=\s*(?P<value>.*?)\s*")
_QUOTED = re.compile(r"'(?P<single>[^']*)'|\"(?P<double>[^\"]*)\"")


def read_env_file(folder: Path, written: str, position: Position, problems: Problems) -> Mapping[str, str]:
    """The variables of a file inside `folder`. What is wrong with it goes to `problems`."""
    path = inside(folder, written, position, problems)
    if path is None:
        return {}
    try:
        data = read_regular(path, _MAX_BYTES)
        text = data.decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
        problems.add(f'"{written}": {reason}', position, "name a file with lines of NAME=VALUE")
        return {}
    if len(data) > _MAX_BYTES:
        problems.add(f'"{written}" is larger than 100 kB', position, "name a file with lines of NAME=VALUE")
        return {}
    found = {}
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        parts = _LINE.fullmatch(line)
        if parts is None or not is_env_name(parts["name"]) or not line.strip().replace("\t", " ").isprintable():
            place = Position(str(Path(position.file).parent / written), number, 1)
            problems.add("this is no variable", place, "write NAME=VALUE")
            continue
        quoted = _QUOTED.fullmatch(parts["value"])
        found[parts["name"]] = (quoted["single"] or quoted["double"] or "") if quoted else parts["value"]
    return found
