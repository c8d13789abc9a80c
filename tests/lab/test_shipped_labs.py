"""The shipped labs: what each is there to show, measured with real daemons and real flows."""

from collections.abc import Callable

import pytest
from netlab_program import TOPOLOGIES

from netlab.api import Lab
from netlab.model.verdict import PathCounts

pytestmark = [pytest.mark.cluster, pytest.mark.outcome_is_frrs]

ALL_THREE = PathCounts(announced=3, multipath=3, rib=3, fib=3, used=3)
ONE_OF_THREE = PathCounts(announced=3, multipath=1, rib=1, fib=1, used=1)


@pytest.mark.netlab(TOPOLOGIES / "article.yaml")
def test_the_article_is_single_path(lab: Lab) -> None:
    router = lab.ecmp_check().assert_expected().router("rt-1")
    assert (router.verdict, router.expected) == ("single-path", "single-path")
    assert router.runs_as.startswith("VyOS 1.1 configuration, Quagga's defaults, run by FRR ")
    assert router.paths == ONE_OF_THREE
    assert router.flows.sent == router.flows.answered == 600
    assert [hop.flows for hop in router.next_hops] == [600]
    # Three pods answer behind the one node: counting them would hide it.
    assert len(router.pods) == 3
    assert all(pod.flows > 100 for pod in router.pods)
    assert "ibgp-knob-on-ebgp-peers" in router.rules
    assert "only-pods-balanced" in router.rules


@pytest.mark.netlab(TOPOLOGIES / "article-fixed.yaml")
def test_the_article_with_one_word_changed_is_ecmp(lab: Lab) -> None:
    router = lab.ecmp_check().assert_expected().router("rt-1")
    assert router.verdict == "ecmp"
    assert router.paths == ALL_THREE
    assert router.rules == ("forwarding-plane-differs",)


@pytest.mark.netlab(TOPOLOGIES / "ecmp.yaml")
def test_frr_by_its_defaults_is_ecmp(lab: Lab) -> None:
    router = lab.ecmp_check().assert_expected().router("rt-1")
    assert router.verdict == "ecmp"
    assert router.paths == ALL_THREE
    assert router.rules == ()


@pytest.mark.netlab(TOPOLOGIES / "vyos-1.4.yaml")
def test_todays_vyos_with_layer_4_hashing_is_ecmp(lab: Lab) -> None:
    router = lab.ecmp_check().assert_expected().router("rt-1")
    assert router.runs_as.startswith("VyOS 1.4 configuration, run by FRR ")
    assert router.verdict == "ecmp"
    assert router.paths == ALL_THREE
    assert router.rules == ()


@pytest.mark.needs_user
@pytest.mark.parametrize("name", ["article-3.13", "dual-stack", "ecmp-vs-vyos", "speakers", "three-routers"])
def test_an_ordinary_user_measures_what_every_other_lab_says_of_itself(
    deploy_lab: Callable[..., Lab], name: str
) -> None:
    """What root measures in them in detail stands in files of their subjects."""
    measured = deploy_lab(TOPOLOGIES / f"{name}.yaml").ecmp_check().assert_expected()
    assert all(router.expected for router in measured.routers)
