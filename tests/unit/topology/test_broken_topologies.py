"""Every broken topology is refused with the messages, and at the places, that its opening comments say.

A comment reads `# expect: LINE:COLUMN: MESSAGE (HINT)`; there is one for every problem, in order.
"""

from pathlib import Path

import pytest

from netlab.model.errors import TopologyError
from netlab.plan import read

CORPUS = sorted((Path(__file__).parent / "broken").glob("*.yaml"))


def test_the_corpus_is_there() -> None:
    assert len(CORPUS) >= 30


@pytest.mark.parametrize("file", CORPUS, ids=lambda file: file.stem)
def test_broken_topology(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(file.parent)
    expected = [
        f"{file.name}:{line.removeprefix('# expect: ')}"
        for line in file.read_text().splitlines()
        if line.startswith("# expect: ")
    ]

    with pytest.raises(TopologyError) as refused:
        read(Path(file.name))

    assert list(refused.value.lines()) == expected
    assert expected
