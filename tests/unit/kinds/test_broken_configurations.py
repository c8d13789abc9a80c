"""Every broken startup-config is refused with the messages, and at the places, that its `expect:` comments say.

A folder of tests/unit/kinds/broken is a format: its lab.yaml names CONFIG as the startup-config, and every other file
is one that is put in its place. A comment reads `! expect: LINE:COLUMN: MESSAGE (HINT)`, with `#` or with `//`; a file
whose encoding has no room for it has them in NAME.expect.
"""

from pathlib import Path

import pytest
from refusals import expected, refused

BROKEN = Path(__file__).parent / "broken"
CORPUS = sorted(f for f in BROKEN.glob("*/*") if f.name != "lab.yaml" and f.suffix != ".expect")


def test_the_corpus_is_there() -> None:
    assert len(CORPUS) >= 20
    assert {file.parent.name for file in CORPUS} == {folder.name for folder in BROKEN.iterdir()}


@pytest.mark.parametrize("file", CORPUS, ids=lambda file: f"{file.parent.name}/{file.name}")
def test_broken_configuration(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / file.name).write_bytes(file.read_bytes())
    lab = (file.parent / "lab.yaml").read_text()
    (tmp_path / "lab.yaml").write_text(lab.replace("CONFIG", file.name))
    beside = file.with_name(f"{file.name}.expect")
    comments = (beside if beside.exists() else file).read_bytes().decode(errors="replace")
    wanted = expected(comments, file.name)
    assert wanted

    monkeypatch.chdir(tmp_path)
    assert refused("lab.yaml", monkeypatch, capsys) == wanted
