import os
from pathlib import Path

import pytest

from netlab.runtime.inside import rights
from netlab.runtime.inside.accounts import GROUP, PASSWD, with_names, with_root

FRR = ("frr", ("frr", "frrvty"))
DEBIANS = "root:x:0:0:root:/root:/bin/bash\ndaemon:x:1:1::/:/bin/sh\nfrr:x:102:106:FRR,,,:/nonexistent:/bin/false\n"


def with_frr(path: str, text: str) -> str:
    return with_names(path, text, *FRR)


def test_frrs_user_is_another_name_of_root() -> None:
    assert with_frr(PASSWD, DEBIANS) == DEBIANS.replace("frr:x:102:106:", "frr:x:0:0:")
    assert with_frr(PASSWD, "root:x:0:0::/:/bin/sh\n").endswith("\nfrr:x:0:0::/nonexistent:/usr/sbin/nologin\n")


def test_frrs_groups_are_other_names_of_roots() -> None:
    assert with_frr(GROUP, "root:x:0:\nfrrvty:x:105:frr,me\nfrriend:x:112:\nfrr:x:106:\n") == (
        "root:x:0:\nfrrvty:x:0:frr,me\nfrriend:x:112:\nfrr:x:0:\n"
    )
    assert with_frr(GROUP, "root:x:0:\nother:x:7:\n") == "root:x:0:\nother:x:7:\nfrr:x:0:\nfrrvty:x:0:\n"


@pytest.mark.parametrize("path", [PASSWD, GROUP])
@pytest.mark.parametrize("make", [with_root, with_frr])
def test_root_is_there_and_first_so_that_its_id_is_shown_by_its_name(path: str, make) -> None:
    for text in ("", "frr:x:5:6::/:\n", "other:x:7:7::/:\nroot:x:0:0::/:\n"):
        assert make(path, text).startswith("root:x:0:")
        assert make(path, text).count("root:x:0:") == 1


def test_what_is_there_already_stays_so() -> None:
    for path, text in ((PASSWD, DEBIANS), (GROUP, ""), (GROUP, "root:x:0:\nnonsense\n+\n")):
        once = with_frr(path, text)
        assert with_frr(path, once) == once
        assert {line for line in text.splitlines() if "frr" not in line} <= set(once.splitlines())


def test_what_a_process_is_held_to_is_read_of_the_kernel(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    held = rights.of_process(os.getpid())
    assert held <= set(rights.sc.CAPABILITIES)
    status = tmp_path / "status"
    status.write_text("Name:\tCapBnd:\nCapEff:\t0000000000000000\nCapBnd:\t0000000000201001\n")
    monkeypatch.setattr("builtins.open", lambda *_, **__: Path.open(status))
    assert rights.of_process(1) == {"CHOWN", "SYS_ADMIN", "NET_ADMIN"}
