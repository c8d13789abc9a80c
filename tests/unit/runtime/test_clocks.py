"""A step of the clock that can be set (CLOCK_REALTIME) ends no wait and makes none endless: no wait looks at it."""

import re
from pathlib import Path

import netlab

WAITS = re.compile(r"^(?!.*\bmtime\b).*(\btime\.(time|time_ns)\b|\bdatetime\.(now|utcnow|today)\((?!UTC\)\.isoformat))")


def test_the_clock_that_can_be_set_is_read_for_nothing_but_stamps():
    lines = [
        f"{path}:{number}: {line.strip()}"
        for path in sorted(Path(netlab.__file__).parent.rglob("*.py"))
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if WAITS.search(line)
    ]
    assert lines == []


def test_what_would_wait_by_it_is_found():
    assert WAITS.search("deadline = time.time() + 5")
    assert WAITS.search("until = datetime.now(UTC) + timedelta(seconds=5)")
    assert not WAITS.search("about.mtime = int(time.time())")
    assert not WAITS.search("created = datetime.now(UTC).isoformat()")
