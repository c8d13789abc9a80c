"""Which refusals of the Kubernetes API are worth another try. Pure."""

from __future__ import annotations

from dataclasses import dataclass

_LONGEST = 400  # characters of a message


@dataclass(frozen=True)
class Refusal:
    """Why a request was not done. `status` is HTTP's; None where no answer came."""

    message: str
    status: int | None = None
    unknown_kind: bool = False
    """The API knows no such kind of object."""

    def __post_init__(self) -> None:
        text = " ".join(self.message.split())
        object.__setattr__(self, "message", text if len(text) <= _LONGEST else f"{text[:_LONGEST]} ...")

    def passes(self, *, defined: bool) -> bool:
        """Whether the same request may well succeed a moment later. `defined`: its kind is of a new CRD of ours."""
        if self.unknown_kind or self.status == 404:
            return defined  # the API serves a kind a moment after its CRD was made
        if self.status == 500:  # the webhook's pod is not ready yet
            return "failed calling webhook" in self.message
        # 409: somebody changed it meanwhile; 429 and 503: the API is busy, or starts; None: so does its container.
        return self.status in (None, 409, 429, 503)
