"""Every broken topology is refused with the messages, and at the places, that its opening comments say.

A comment reads `# expect: LINE:COLUMN: MESSAGE (HINT)`; there is one for every problem, in order. A new case is a new
file: write it, run `netlab validate` on it, and put the lines above it once they say what they should.
"""

from pathlib import Path

import pytest
from refusals import expected, refused

CORPUS = sorted((Path(__file__).parent / "broken").glob("*.yaml"))


def test_the_corpus_is_there() -> None:
    assert len(CORPUS) >= 100


@pytest.mark.parametrize("file", CORPUS, ids=lambda file: file.stem)
def test_broken_topology(file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(file.parent)
    wanted = expected(file.read_text(), file.name)
    assert wanted
    assert refused(file.name, monkeypatch, capsys) == wanted
