"""The article's question on the emulated cluster: the same assertions as tests/kind has for a real one."""

import pytest
from article import *  # noqa: F403  its tests are this module's
from article import LAB, SHIPPED, ClusterLab
from netlab_program import Netlab

pytestmark = [pytest.mark.netns, pytest.mark.cluster, pytest.mark.same_for_every_user]


@pytest.fixture(scope="module")
def cluster(shared_netlab: Netlab, tmp_path_factory: pytest.TempPathFactory) -> ClusterLab:
    """The article's lab with an emulated cluster."""
    return ClusterLab(shared_netlab, tmp_path_factory.mktemp("article"), "--reconfigure")


def test_what_is_emulated_is_said(cluster: ClusterLab) -> None:
    cluster.deploy(SHIPPED)
    _, verdict = cluster.check()
    assert [sentence.partition(":")[0] for sentence in verdict["emulated"]] == ["rt-vyos", "Kubernetes cluster k8s"]
    refused = cluster.netlab("kubectl", "--lab", LAB, "--", "get", "pods")
    assert refused.returncode == 125
    assert "its cluster is emulated" in refused.stderr
