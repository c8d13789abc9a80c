"""What is built from the Go module proxy: each program's module, its pinned version, and how long it takes."""

from __future__ import annotations

from dataclasses import dataclass

KUBERNETES = "v1.36.3"
STAGING = "v0.36.3"
"""The version of the modules that Kubernetes develops in its own tree (k8s.io/api and so on)."""
KIND = "v0.33.0"
METALLB = "v0.16.1"
FRR_K8S = "v0.0.25"
"""The version that the manifest of MetalLB's frr-k8s mode names."""
GO = (1, 26, 3)
"""The oldest Go that all of the modules accept."""

_VERSION = "k8s.io/component-base/version"
_MAJOR, _MINOR, _ = KUBERNETES.lstrip("v").split(".")


@dataclass(frozen=True)
class Program:
    """Programs of one module that are built together."""

    name: str
    module: str
    version: str
    packages: dict[str, str]
    """The package of each program, below the module."""
    seconds: int
    """Measured on 2 cores, with its downloads."""
    tags: str = ""
    ldflags: str = "-s -w"

    @property
    def title(self) -> str:
        """For messages."""
        programs = ", ".join(self.packages)
        return f"{programs} {self.version}"


def _kubernetes(name: str, seconds: int, *programs: str) -> Program:
    flags = (
        f"-s -w -X {_VERSION}.gitVersion={KUBERNETES} -X {_VERSION}.gitMajor={_MAJOR} -X {_VERSION}.gitMinor={_MINOR}"
    )
    packages = {program: f"cmd/{program}" for program in programs}
    return Program(name, "k8s.io/kubernetes", KUBERNETES, packages, seconds, ldflags=flags)


# The versions of etcd and CoreDNS are those that `kubeadm config images list` names, and those of containerd, crictl
# and the CNI plugins those of kind's own node image.
PROGRAMS = (
    _kubernetes("kubernetes-client", 110, "kubeadm", "kubectl"),
    Program("kind", "sigs.k8s.io/kind", KIND, {"kind": ""}, 5),
    _kubernetes("kubernetes-node", 90, "kubelet", "kube-proxy", "kube-scheduler"),
    _kubernetes("kubernetes-control-plane", 90, "kube-controller-manager", "kube-apiserver"),
    Program("etcd", "go.etcd.io/etcd/server/v3", "v3.6.8", {"etcd": ""}, 22),
    Program("coredns", "github.com/coredns/coredns", "v1.14.2", {"coredns": ""}, 100),
    Program(
        "containerd",
        "github.com/containerd/containerd/v2",
        "v2.3.4",
        {name: f"cmd/{name}" for name in ("containerd", "ctr", "containerd-shim-runc-v2")},
        41,
        tags="no_btrfs,no_zfs,no_devmapper,no_aufs",
    ),
    Program("crictl", "sigs.k8s.io/cri-tools", "v1.36.0", {"crictl": "cmd/crictl"}, 40),
    Program(
        "cni-plugins",
        "github.com/containernetworking/plugins",
        "v1.9.1",
        {
            "ptp": "plugins/main/ptp",
            "loopback": "plugins/main/loopback",
            "host-local": "plugins/ipam/host-local",
            "portmap": "plugins/meta/portmap",
        },
        4,
    ),
    Program(
        "metallb",
        "go.universe.tf/metallb",
        METALLB,
        {
            "controller": "controller",
            "speaker": "speaker",
            "frr-metrics": "frr-tools/metrics",
            "cp-tool": "frr-tools/cp-tool",
        },
        100,
    ),
    Program(
        "frr-k8s",
        "github.com/metallb/frr-k8s",
        FRR_K8S,
        {
            "frr-k8s": "cmd/frr-k8s-controller",
            "statuscleaner": "cmd/statuscleaner",
            "frr-metrics": "cmd/metrics",
            "frr-status": "cmd/status",
        },
        100,
    ),
)

FILES = {
    "kind": ("images/base/files",),
    "metallb": ("config/manifests", "frr-tools/reloader/frr-reloader.sh"),
    "frr-k8s": ("cmd/reloader/frr-reloader.sh",),
}
"""Of each module, by the program's name: folders and files that are kept beside the programs."""
