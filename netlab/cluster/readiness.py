"""What a cluster still lacks until its services are there. Pure: objects as the API has them in, sentences out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from netlab.cluster.manifests import BUILD
from netlab.cluster.yamlfile import Document
from netlab.model.topology import IPAddress

_LONGEST = 240  # characters of what Kubernetes says itself
_NO_IMAGE = ("ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull", "InvalidImageName")
OURS = "netlab/"
"""Images that are nowhere but where netlab builds them."""


def not_ready(owner: Document, pods: Iterable[Document] = ()) -> str | None:
    """What a Deployment or DaemonSet of that kind still lacks; None where it has all its pods, as it is written now."""
    metadata, spec, status = owner["metadata"], owner["spec"], owner.get("status") or {}
    if owner["kind"] == "DaemonSet":
        wanted = status.get("desiredNumberScheduled", 0) or 1  # before its controller has seen it
        ready = min(status.get("numberReady", 0), status.get("updatedNumberScheduled", 0))
        surplus = 0
    else:
        wanted = spec.get("replicas", 1)
        ready = min(status.get("availableReplicas", 0), status.get("updatedReplicas", 0))
        surplus = status.get("replicas", 0) - wanted
    seen = status.get("observedGeneration", 0) >= metadata.get("generation", 0)
    if seen and ready >= wanted and surplus <= 0:
        return None
    what = f"{owner['kind']} {metadata['namespace']}/{metadata['name']}: {ready if seen else 0} of {wanted} pods ready"
    trouble = dict.fromkeys(text for pod in pods if owns(owner, pod) and (text := pod_trouble(pod)))
    return "; ".join([what, *list(trouble)[:2]])


def is_ready(pod: Document) -> bool:
    """Whether Kubernetes sends it requests."""
    if pod["metadata"].get("deletionTimestamp"):
        return False
    conditions = (pod.get("status") or {}).get("conditions") or ()
    return any(condition["type"] == "Ready" and condition["status"] == "True" for condition in conditions)


def owns(owner: Document, pod: Document) -> bool:
    """Whether a pod is one of a Deployment's or DaemonSet's, by their labels."""
    chosen = owner["spec"]["selector"].get("matchLabels") or {}
    labels = pod["metadata"].get("labels") or {}
    return pod["metadata"]["namespace"] == owner["metadata"]["namespace"] and chosen.items() <= labels.items()


def pod_trouble(pod: Document) -> str | None:
    """Why a pod is not ready, with its mend where there is one; None where it is, or only starts."""
    status = pod.get("status") or {}
    name = pod["metadata"]["name"]
    for container in _containers(status):
        state = container.get("state") or {}
        waiting = state.get("waiting") or {}
        reason = waiting.get("reason", "")
        if reason in _NO_IMAGE:
            return f"pod {name}: {reason} of {container['image']}{_image_mend(container['image'])}"
        if reason == "CrashLoopBackOff":
            last = (container.get("lastState") or {}).get("terminated") or {}
            code = f", exit code {last['exitCode']}" if "exitCode" in last else ""
            return f"pod {name}: its container {container['name']} ends again and again{code}"
        if reason not in ("", "ContainerCreating", "PodInitializing"):
            return f"pod {name}: {reason} {_short(waiting.get('message', ''))}".rstrip()
    for condition in status.get("conditions") or ():
        if condition["type"] == "PodScheduled" and condition["status"] == "False":
            return f"pod {name}: {condition.get('reason', 'not scheduled')}: {_short(condition.get('message', ''))}"
    if status.get("phase") == "Failed":
        return f"pod {name}: Failed: {status.get('reason', '')} {_short(status.get('message', ''))}".rstrip()
    return None


def never_there(owners: Iterable[Document], pods: Iterable[Document]) -> str | None:
    """A pod that waits for an image that no waiting brings: one of netlab's own, which no registry has.

    A pod of an earlier template, which goes as soon as the new ones are ready, may wait for what it likes.
    """
    wanted = {
        container["image"]
        for owner in owners
        for container in owner["spec"]["template"]["spec"]["containers"]
        if container["image"].removeprefix("docker.io/").startswith(OURS)
    }
    for pod in pods:
        for container in _containers(pod.get("status") or {}):
            reason = ((container.get("state") or {}).get("waiting") or {}).get("reason")
            if reason in _NO_IMAGE and container["image"] in wanted:
                return pod_trouble(pod)
    return None


def without_vips(service: Document, vips: Sequence[IPAddress], events: Iterable[Document] = ()) -> str | None:
    """What a service lacks of exactly these addresses, with MetalLB's last word on it; None where nothing."""
    has = ingress(service)
    wanted = sorted(str(vip) for vip in vips)
    if sorted(has) == wanted:
        return None
    metadata = service["metadata"]
    said = [event.get("message", "") for event in events if event.get("type") == "Warning"]
    why = f": {_short(said[-1])}" if said else ""
    got = f" but {', '.join(has)}" if has else ""
    return f"Service {metadata['namespace']}/{metadata['name']} has no VIP {', '.join(wanted)}{got}{why}"


def ingress(service: Document) -> tuple[str, ...]:
    """The addresses that a service's load balancer has given to it."""
    entries = ((service.get("status") or {}).get("loadBalancer") or {}).get("ingress") or ()
    return tuple(entry["ip"] for entry in entries if "ip" in entry)


def refused(states: Iterable[Document]) -> str | None:
    """Why MetalLB refuses its configuration, by its ConfigurationStates; None where it does not, or does not say."""
    found = dict.fromkeys(
        " ".join(str(status.get("errorSummary") or "it does not say why").split())
        for state in states
        if (status := state.get("status") or {}).get("result") == "Invalid"
    )
    return "; ".join(found) or None


def _containers(status: Document) -> Iterator[Document]:
    yield from status.get("initContainerStatuses") or ()
    yield from status.get("containerStatuses") or ()


def _image_mend(image: str) -> str:
    if image.removeprefix("docker.io/").startswith((OURS, "quay.io/metallb/", "quay.io/frrouting/")):
        return f" (to mend it: {BUILD})"
    return " (to mend it: name it under the cluster's `images:` if the engine has it)"


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]} ..."
