"""A lab's clusters as its state folder names them, and the host's settings that their kubelets change."""

from ipaddress import IPv6Network
from pathlib import Path
from typing import Any

import pytest
from docker.errors import APIError

from netlab.model.errors import LabError
from netlab.runtime.docker import clusters


class Engine:
    """Stands for docker's client: the nodes of clusters, by id and cluster; and networks."""

    def __init__(self, nodes: dict[str, str] | None = None, overlaps: int = 0) -> None:
        self.nodes = nodes or {}
        self.made: list[dict[str, Any]] = [{"Name": "bridge", "Options": {"com.docker.network.driver.mtu": "1400"}}]
        self.overlaps = overlaps

    def containers(self, *, all: bool, filters: dict[str, str]) -> list[dict[str, Any]]:
        assert all
        _, _, wanted = filters["label"].partition("=")
        return [{"Id": node} for node, cluster in self.nodes.items() if wanted in ("", cluster)]

    def networks(self, names: list[str] | None = None) -> list[dict[str, Any]]:
        """Like the engine's: a name stands for every name that it is part of."""
        return [network for network in self.made if any(name in network["Name"] for name in names or [""])]

    def inspect_network(self, name: str) -> dict[str, Any]:
        return next(network for network in self.made if network["Name"] == name)

    def create_network(self, name: str, **given: Any) -> None:
        if self.overlaps:
            self.overlaps -= 1
            raise APIError("Pool overlaps with other one on this address space")
        pools = [pool["Subnet"] for pool in (given["ipam"] or {"Config": ()})["Config"]]
        self.made.append(
            {
                "Name": name,
                "Labels": given["labels"],
                "EnableIPv6": given["enable_ipv6"],
                "Options": given["options"],
                "Pools": pools,
            }
        )


SETTINGS = {
    "vm/overcommit_memory": "0",
    "kernel/panic": "1",
    "kernel/panic_on_oops": "0",
    **{f"net/ipv6/conf/{name}/forwarding": "0" for name in ("all", "default", "eth0", "eth1.100")},
}


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in the place of /proc/sys."""
    for key, value in SETTINGS.items():
        (tmp_path / "sys" / key).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "sys" / key).write_text(f"{value}\n")
    monkeypatch.setattr(clusters, "_SYSCTLS", tmp_path / "sys")
    return tmp_path / "sys"


def settings(host: Path) -> dict[str, str]:
    return {key: (host / key).read_text().strip() for key in SETTINGS}


def change(host: Path, *keys: str) -> None:
    for key in keys:
        (host / key).write_text("10\n")


KUBELETS = ("vm/overcommit_memory", "kernel/panic")
FORWARDING = tuple(key for key in SETTINGS if key.startswith("net/"))


def test_the_state_folder_names_the_clusters(tmp_path: Path, host: Path) -> None:
    assert clusters.recorded(tmp_path) == ()
    clusters.record(tmp_path, ("netlab-a-k8s", "netlab-a-other"))
    assert clusters.recorded(tmp_path) == ("netlab-a-k8s", "netlab-a-other")
    assert (tmp_path / "clusters").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("ipv6", [False, True])
def test_what_a_cluster_changed_is_put_back(host: Path, ipv6: bool) -> None:
    engine: Any = Engine()
    clusters.make_network(engine, "mine", ipv6=ipv6)
    engine.nodes = {"n1": "mine"}
    changed = (*KUBELETS, *(FORWARDING if ipv6 else ()))
    change(host, *changed)
    clusters.restore_sysctls(engine, ("mine",), ("n1",))
    assert settings(host) == SETTINGS


def test_forwarding_of_ipv6_is_nobodys_business_without_it(host: Path) -> None:
    engine: Any = Engine()
    clusters.make_network(engine, "mine", ipv6=False)
    change(host, *FORWARDING)  # by somebody else
    clusters.restore_sysctls(engine, ("mine",), ())
    assert {settings(host)[key] for key in FORWARDING} == {"10"}


def test_all_interfaces_are_put_back_before_each_of_them(host: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Writing `all` sets every interface."""
    (host / "net/ipv6/conf/eth0/forwarding").write_text("1\n")
    engine: Any = Engine()
    clusters.make_network(engine, "mine", ipv6=True)
    written: list[str] = []
    monkeypatch.setattr(clusters, "_set", lambda client, key, value, nodes: written.append(f"{key}={value}"))
    change(host, *FORWARDING)
    clusters.restore_sysctls(engine, ("mine",), ())
    names = [setting.split("/")[3] for setting in written]
    assert names[:2] == ["all", "default"] and set(names[2:]) == {"eth0", "eth1.100"}
    assert "net/ipv6/conf/eth0/forwarding=1" in written


def test_while_another_cluster_runs_the_kubelets_settings_stay(host: Path) -> None:
    engine: Any = Engine()
    clusters.make_network(engine, "mine", ipv6=True)
    engine.nodes = {"n1": "mine", "n2": "theirs"}
    change(host, *KUBELETS, *FORWARDING)
    clusters.restore_sysctls(engine, ("mine",), ("n1",))
    assert settings(host) == SETTINGS | dict.fromkeys(KUBELETS, "10")


def test_while_another_network_has_ipv6_it_is_forwarded(host: Path) -> None:
    engine: Any = Engine()
    clusters.make_network(engine, "mine", ipv6=True)
    engine.create_network("theirs", labels={}, enable_ipv6=True, options={}, ipam=None)
    change(host, *KUBELETS, *FORWARDING)
    clusters.restore_sysctls(engine, ("mine",), ())
    assert settings(host) == SETTINGS | dict.fromkeys(FORWARDING, "10")


def test_a_label_names_no_other_setting(host: Path) -> None:
    """Whoever may use the engine may make a network; netlab may be root."""
    label = {"netlab.sysctls": "kernel/core_pattern=|/bin/sh kernel/../kernel/panic=0 /etc/motd=1 kernel/panic"}
    (host / "kernel/core_pattern").write_text("core")
    engine: Any = Engine()
    engine.create_network("mine", labels=label, enable_ipv6=False, options={}, ipam=None)
    clusters.restore_sysctls(engine, ("mine",), ())
    assert settings(host) == SETTINGS
    assert (host / "kernel/core_pattern").read_text() == "core"


def test_a_network_is_made_as_kind_makes_it(host: Path) -> None:
    engine: Any = Engine()
    clusters.make_network(engine, "mine", ipv6=False)
    made = engine.inspect_network("mine")
    assert (made["EnableIPv6"], made["Pools"]) == (False, [])
    assert made["Options"] == {
        "com.docker.network.bridge.enable_ip_masquerade": "true",
        "com.docker.network.driver.mtu": "1400",  # that of Docker's own network
    }


def test_with_ipv6_it_takes_a_subnet_that_is_free(host: Path) -> None:
    first, second = Engine(), Engine(overlaps=1)
    for engine in (first, second):
        clusters.make_network(engine, "mine", ipv6=True)  # type: ignore[arg-type]
    (one,), (other,) = (engine.inspect_network("mine")["Pools"] for engine in (first, second))
    assert one != other
    assert all(IPv6Network(pool).prefixlen == 64 and IPv6Network(pool).is_private for pool in (one, other))
    with pytest.raises(LabError, match="cannot make the Docker network mine: Pool overlaps"):
        clusters.make_network(Engine(overlaps=9), "mine", ipv6=True)  # type: ignore[arg-type]


def test_a_cluster_of_that_name_is_another_ones(tmp_path: Path) -> None:
    engine: Any = Engine({"n2": "theirs"})
    clusters.refuse_taken(engine, ("mine",), "a")
    with pytest.raises(LabError, match="there is a kind cluster theirs already, which is not this lab's"):
        clusters.refuse_taken(engine, ("mine", "theirs"), "a")


def test_a_network_of_that_name_is_another_ones(host: Path) -> None:
    engine: Any = Engine()
    engine.create_network("theirs", labels={}, enable_ipv6=False, options={}, ipam=None)
    clusters.refuse_taken(engine, ("their",), "a")  # a part of a name is no name
    with pytest.raises(LabError, match=r"there is a Docker network theirs already.*docker network rm theirs"):
        clusters.refuse_taken(engine, ("theirs",), "a")
