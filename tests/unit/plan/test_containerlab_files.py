"""Every key of containerlab's schema: honoured, or said to be ignored at its place; none is swallowed."""

from collections.abc import Callable
from pathlib import Path

import pytest

from netlab.model.plan import BindPlan, ContainerPlan, LabPlan, LinkEnd, LinkPlan
from netlab.model.topology import ContainerLimits
from netlab.plan import plan_file
from netlab.topology.schema import NODE_KEYS

Plan = Callable[..., LabPlan]
Problems = Callable[..., list[str]]

# types/node_definition.go of containerlab 0.79, and the two older names that it still takes. No sample stands for a
# key that other tests of this folder look at.
NODE_DEFINITION = {
    "kind": "",
    "group": "g",
    "type": "x",
    "startup-config": "",
    "startup-delay": "5",
    "enforce-startup-config": "false",
    "suppress-startup-config": "true",
    "auto-remove": "true",
    "restart-policy": "always",
    "config": "{vars: {a: 1}}",
    "image": "alpine:3",
    "image-pull-policy": "Always",
    "license": "x.key",
    "position": "left",
    "hostname": "other",
    "entrypoint": "sh -c",
    "cmd": "sleep 1",
    "exec": "[ls]",
    "binds": "",
    "devices": "[/dev/fuse]",
    "cap-add": "[NET_RAW]",
    "privileged": "true",
    "cgroupns-mode": "host",
    "pid-mode": "host",
    "tmpfs": "{/x: size=1m}",
    "security-opts": "[seccomp=unconfined]",
    "shm-size": "64mb",
    "ports": '["8080:80"]',
    "mgmt-ipv4": "172.20.20.2",
    "mgmt-ipv6": "3fff::2",
    "env": "{A: 1}",
    "env-files": "",
    "user": "1000",
    "labels": "{a: b}",
    "network-mode": "none",
    "runtime": "docker",
    "cpu": "1.5",
    "cpu-set": "0-1,3",
    "memory": "1Gb",
    "sysctls": "{net.ipv4.ip_forward: 1}",
    "extras": "{x: {}}",
    "stages": "{create: {wait-for: [{node: other, stage: create}]}}",
    "dns": "{servers: [1.1.1.1]}",
    "certificate": "{issue: true}",
    "healthcheck": "{test: [CMD, ls]}",
    "credentials": "{username: a}",
    "aliases": "[a]",
    "components": "[{slot: A}]",
    "link-apply-mode": "live",
    "username": "admin",
    "password": "admin",
}
HONOURED = {"kind", "startup-config", "image", "entrypoint", "cmd", "exec", "binds", "env", "env-files", "labels"}
HONOURED |= {"network-mode", "sysctls"}
BY_DOCKER = {"devices", "cap-add", "privileged", "tmpfs", "security-opts", "shm-size", "ports", "user", "cpu"}
BY_DOCKER |= {"cpu-set", "memory"}


def lab(key: str, value: str, runtime: str) -> str:
    return f"""
        name: lab
        runtime: {runtime}
        topology:
          nodes:
            other: {{kind: linux}}
            h1:
              kind: linux
              {key}: {value}
        """


def not_used(plan: LabPlan) -> list[str]:
    return [warning for warning in plan.warnings if ": not used: " in warning]


def test_no_key_of_containerlab_is_unknown() -> None:
    assert set(NODE_DEFINITION) <= NODE_KEYS


@pytest.mark.parametrize("runtime", ["netns", "docker"])
@pytest.mark.parametrize(("key", "value"), [(key, value) for key, value in NODE_DEFINITION.items() if value])
def test_a_key_is_honoured_or_said_to_be_ignored_at_its_place(
    key: str, value: str, runtime: str, plan_text: Plan, tmp_path: Path
) -> None:
    told = not_used(plan_text(lab(key, value, runtime)))
    if key in HONOURED | (BY_DOCKER if runtime == "docker" else set()):
        assert told == []
    else:
        (note,) = told
        line, column = (9, 7) if key != "stages" else (9, 25)
        assert note.startswith(f"{tmp_path}/lab.yaml:{line}:{column}: not used: ")
        assert f": {'wait-for' if key == 'stages' else key} (" in note


@pytest.mark.parametrize(("key", "line"), [("mgmt: {network: x}", 1), ("settings: {x: {}}", 1), ("debug: true", 1)])
def test_so_is_a_key_at_the_top(key: str, line: int, plan_text: Plan, tmp_path: Path) -> None:
    (note,) = not_used(plan_text(f"{key}\nname: x\ntopology: {{nodes: {{h1: {{kind: linux}}}}}}\n"))
    assert note.startswith(f"{tmp_path}/lab.yaml:{line}:1: not used: {key.partition(':')[0]} (")


@pytest.mark.parametrize(
    "line", ["restart-policy: 'no'", "auto-remove: false", "enforce-startup-config: true", "dns: {}", "mgmt: false"]
)
def test_what_asks_for_what_holds_anyway_is_not_told(line: str, plan_text: Plan) -> None:
    key, _, value = line.partition(": ")
    assert not_used(plan_text(lab(key, value, "netns"))) == []


def test_many_nodes_make_one_note(plan_text: Plan, tmp_path: Path) -> None:
    node = "h{n}: {{kind: linux, image: 'alpine:3', mgmt-ipv4: 10.0.0.{n}, mgmt-ipv6: '::{n}', restart-policy: always}}"
    nodes = "\n".join("    " + node.format(n=n) for n in range(1, 21))
    plan = plan_text(f"name: x\ntopology:\n  nodes:\n{nodes}\n")
    first = f"{tmp_path}/lab.yaml:4:"
    assert plan.warnings == (
        f"{first}42 and 39 more: not used: mgmt-ipv4, mgmt-ipv6 (there is no management network to have an address in)",
        f"{first}81 and 19 more: not used: restart-policy (a node that has ended stays as it is, for a look into it)",
        f"{first}5: h1, h2, h3 and 17 more: netns runs this host's programs, not those of the image alpine:3",
    )


def test_the_engine_is_told_what_the_file_says(plan_text: Plan) -> None:
    plan = plan_text("""
        name: lab
        runtime: docker
        topology:
          defaults: {labels: {a: 1}, cap-add: [CAP_SYS_PTRACE]}
          nodes:
            h1:
              kind: linux
              image: nginx:1
              entrypoint: /start.sh -x
              cmd: "nginx -g 'daemon off;'"
              user: 1000
              mgmt: true
              ports: ["127.0.0.1:8080:80/tcp"]
              labels: {b: two}
              devices: [/dev/fuse]
              tmpfs: {/x: size=1m}
              security-opts: [no-new-privileges]
              cpu: 0.5
              cpu-set: "0"
              memory: 1.5 GiB
              shm-size: 64m
        """)
    node = plan.node("h1")
    assert node.image == "nginx:1"
    assert [(p.argv, p.is_command) for p in node.processes] == [(("nginx", "-g", "daemon off;"), True)]
    assert node.container == ContainerPlan(
        entrypoint=("/start.sh", "-x"),
        user="1000",
        labels=(("a", "1"), ("b", "two")),
        ports=("127.0.0.1:8080:80/tcp",),
        management=True,
        capabilities=("SYS_PTRACE",),
        limits=ContainerLimits(
            devices=("/dev/fuse",),
            tmpfs=(("/x", "size=1m"),),
            security_options=("no-new-privileges",),
            cpus=0.5,
            cpu_set="0",
            memory=1536 << 20,
            shm_size=64 << 20,
        ),
    )


def test_without_an_engine_the_entrypoint_runs_the_command(plan_text: Plan) -> None:
    plan = plan_text("name: x\ntopology: {nodes: {h: {kind: linux, entrypoint: 'env -i', cmd: sleep 5}}}\n")
    assert [process.argv for process in plan.node("h").processes] == [("env", "-i", "sleep", "5")]


def test_ports_need_a_management_network(plan_text: Plan) -> None:
    plan = plan_text(lab("ports", '["80:80"]', "docker"))
    assert plan.node("h1").container.ports == ()
    assert [w.partition(": ")[2] for w in plan.warnings] == ["h1: ports are published only for a node with mgmt: true"]


def test_a_command_of_a_node_that_has_programs_of_its_own_is_said_to_be_unused(plan_text: Plan) -> None:
    plan = plan_text("name: x\ntopology: {nodes: {r: {kind: frr, cmd: sleep 5}, s: {kind: bridge}}}\n")
    (note,) = plan.warnings
    assert note.endswith("r: cmd and entrypoint are not used: netlab starts what a node of kind frr runs")
    assert "sleep" not in {process.argv[0] for process in plan.node("r").processes}


def test_commands_of_stages_run_before_those_of_the_node_and_layers_join(plan_text: Plan) -> None:
    plan = plan_text("""
        name: x
        topology:
          defaults:
            kind: linux
            stages: {configure: {exec: [{command: echo first}]}}
          nodes:
            h:
              exec: [echo last]
              stages:
                healthy: {exec: [{command: echo "in the end", phase: on-exit}]}
                configure: {exec: [{command: echo second}]}
        """)
    assert plan.node("h").exec == (
        ("echo", "first"),
        ("echo", "second"),
        ("echo", "in the end"),
        ("echo", "last"),
    )


def test_files_of_variables(plan_text: Plan, problems_of: Problems) -> None:
    topology = """
        name: x
        topology:
          defaults: {env-files: [a.env]}
          nodes: {h: {kind: linux, env-files: [b.env], env: {D: 4}}}
        """
    files = {"a.env": "# comment\nA=1\nexport B = two words \n", "b.env": "B='quoted'\nC=\"\"\n\nD=5\n"}
    assert plan_text(topology, **files).node("h").env == (("A", "1"), ("B", "quoted"), ("C", ""), ("D", "4"))
    assert problems_of(topology, **(files | {"a.env": "1A=1\nnothing\n"}))[:2] == [
        "a.env:1:1: this is no variable (write NAME=VALUE)",
        "a.env:2:1: this is no variable (write NAME=VALUE)",
    ]


def test_containerlabs_own_variables(plan_text: Plan, tmp_path: Path) -> None:
    for folder in ("clab-x/h1", "cfg"):
        (tmp_path / folder).mkdir(parents=True)
    for file in ("clab-x/all", "clab-x/h1/own", "cfg/h1.txt"):
        (tmp_path / file).write_text("")
    plan = plan_text("""
        name: x
        topology:
          defaults:
            binds: ["__clabDir__/all:/a", "__clabNodeDir__/own:/b:ro", "cfg/__clabNodeName__.txt:/c"]
            exec: [echo __clabNodeName__]
          nodes:
            h1: {kind: linux}
        """)
    assert plan.node("h1").binds == (
        BindPlan(f"{tmp_path}/clab-x/all", "/a", False),
        BindPlan(f"{tmp_path}/clab-x/h1/own", "/b", True),
        BindPlan(f"{tmp_path}/cfg/h1.txt", "/c", False),
    )
    assert plan.node("h1").exec == (("echo", "h1"),)


def test_the_hosts_software_may_be_bound_and_is_never_written_to(plan_text: Plan, problems_of: Problems) -> None:
    plan = plan_text('name: x\ntopology: {nodes: {h: {kind: linux, binds: ["/usr/share:/s", "/usr/bin:/b:ro"]}}}\n')
    assert [(bind.source, bind.read_only) for bind in plan.node("h").binds] == [
        ("/usr/share", True),
        ("/usr/bin", True),
    ]
    (note,) = plan.warnings
    assert note.endswith(":2:45: bound for reading alone: /usr/share")
    for source in ("/etc/passwd", "/usr/../etc", "/var/run", "/"):
        (problem,) = problems_of(f'name: x\ntopology: {{nodes: {{h: {{kind: linux, binds: ["{source}:/s"]}}}}}}\n')
        assert "leaves the topology's folder" in problem


def test_a_group_may_stand_in_kinds_and_be_a_word_alone(plan_text: Plan) -> None:
    plan = plan_text("""
        name: x
        topology:
          kinds: {linux: {group: g}}
          groups: {g: {env: {A: 1}}, other: {env: {A: 2}}}
          nodes:
            a: {kind: linux}
            b: {kind: linux, group: other}
            c: {kind: linux, group: spine}
        """)
    assert [plan.node(name).env for name in "abc"] == [(("A", "1"),), (("A", "2"),), ()]
    (note,) = plan.warnings
    assert ":9:22: not used: group (no such group stands under groups" in note


@pytest.mark.parametrize(
    ("prefix", "name"),
    [(None, "netlab-My_Lab-R1"), ("clab", "clab-My_Lab-R1"), ('""', "R1"), ("__lab-name", "My_Lab-R1")],
)
def test_containers_are_named_by_containerlabs_rules(prefix: str | None, name: str, plan_text: Plan) -> None:
    line = f"prefix: {prefix}\n" if prefix else ""
    plan = plan_text(f"name: My_Lab\n{line}topology: {{nodes: {{R1: {{kind: linux}}}}}}\n")
    assert plan.container_name("R1") == name


def test_a_cluster_has_a_name_of_kubernetes(problems_of: Problems) -> None:
    problems = problems_of("name: x\ntopology: {nodes: {My_Cluster: {kind: k8s-kind}}}\n")
    assert problems[0].startswith('lab.yaml:2:20: "My_Cluster" cannot be the name of a cluster')


def test_extended_links_and_dummies(plan_text: Plan) -> None:
    plan = plan_text("""
        name: x
        topology:
          nodes:
            a: {kind: frr}
            b: {kind: linux}
            s: {kind: bridge}
          links:
            - type: veth
              endpoints:
                - {node: a, interface: eth1, mac: "02:00:00:00:00:AA", ipv4: 10.0.0.1/24, vars: {x: 1}}
                - {node: b, interface: eth1, ipv4: 10.0.0.2/24, ipv6: "fd00::2/64"}
              mtu: 9000
            - endpoints: ["a:eth2", {node: s, mac: "02:00:00:00:00:02"}]
              vars: {x: 1}
            - {type: dummy, endpoint: {node: a, interface: d0, ipv4: 10.9.0.1/24}, mtu: 1400}
        """)
    assert plan.links[0] == LinkPlan(LinkEnd("a", "eth1"), LinkEnd("b", "eth1"), 9000)
    assert len(plan.links) == 2
    of_a = {interface.name: interface for interface in plan.node("a").interfaces}
    of_b = {interface.name: interface for interface in plan.node("b").interfaces}
    assert (of_a["eth1"].mac, [str(one) for one in of_a["eth1"].addresses]) == ("02:00:00:00:00:aa", ["10.0.0.1/24"])
    assert [str(one) for one in of_b["eth1"].addresses] == ["10.0.0.2/24", "fd00::2/64"]
    assert {i.mac for i in plan.node("s").interfaces} == {None, "02:00:00:00:00:02"}
    assert (of_a["d0"].dummy, of_a["d0"].mtu, str(of_a["d0"].addresses[0])) == (True, 1400, "10.9.0.1/24")
    assert not of_a["eth1"].dummy
    # A host learns the way to the subnet behind it, as to any other.
    assert [str(route.to) for route in plan.node("b").routes] == ["10.9.0.0/24"]


def test_a_configuration_in_the_file_itself_keeps_its_places(plan_text: Plan, problems_of: Problems) -> None:
    text = """
        name: x
        topology:
          nodes:
            r:
              kind: frr
              startup-config: |
                interface eth1
                 ip address 10.0.0.{}/24
            h: {{kind: linux}}
          links: [{{endpoints: ["r:eth1", "h:eth1"]}}]
        """
    plan = plan_text(text.format(1))
    assert [str(one) for one in plan.node("r").interfaces[0].addresses] == ["10.0.0.1/24"]
    (problem,) = problems_of(text.format(300))
    assert problem.startswith('lab.yaml:9:2: "10.0.0.300/24" is not an address')


@pytest.mark.parametrize("name", ["lab.clab.yml", "x.clab.yaml"])
def test_a_bridge_of_containerlabs_is_said_to_be_the_labs_own(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text("name: x\ntopology: {nodes: {s1: {kind: bridge}, s2: {kind: bridge}}}\n")
    assert [warning.partition(": ")[2] for warning in plan_file(tmp_path / name).warnings] == [
        "s1, s2: a bridge of the lab's own, where containerlab takes an existing one of the host"
    ]


def test_a_bridge_of_netlabs_own_files_is_not(plan_text: Plan) -> None:
    assert plan_text("name: x\ntopology: {nodes: {s1: {kind: bridge}}}\n").warnings == ()


def test_the_environment_is_not_imported(plan_text: Plan) -> None:
    (note,) = plan_text("name: x\ntopology: {nodes: {h: {kind: linux, env: {__IMPORT_ENVS: true}}}}\n").warnings
    assert ": not used: __IMPORT_ENVS (" in note
