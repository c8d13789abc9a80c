"""What other packages may bring: netlab's own by name, others by their entry points.

    __init__.py  a registry: the names there are, and what one of them is, imported when it is first asked for
    runtimes.py  the runtimes, and the only place that spells their names
    images.py    the container images of other packages, for scripts/build-images

It imports nothing of netlab but the model, so that a package may ask for what lies above it: of a runtime, what it is
(its traits), never its functions.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Generic, TypeVar

from netlab.model.errors import HostError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

Found = TypeVar("Found")

_MEND = "mend or uninstall that package"


class Registry(Generic[Found]):
    """What is found under one group of entry points.

    `own` are netlab's, each as `module:attribute`. They need no entry point, so that netlab runs from a checkout that
    was never installed, and a name of netlab's own is never another's.
    """

    def __init__(self, group: str, what: str, type_: type[Found], own: Mapping[str, str]) -> None:
        self.group = group
        self._what = what
        self._type = type_
        self._own = dict(own)
        self._others: dict[str, list[EntryPoint]] | None = None
        self._loaded: dict[str, Found] = {}

    @property
    def own(self) -> tuple[str, ...]:
        """The names of netlab's own; to find the others takes 30 ms."""
        return tuple(self._own)

    def names(self) -> tuple[str, ...]:
        """Every name there is."""
        return (*self._own, *self._foreign())

    def load(self, name: str) -> Found:
        """What has that name. KeyError where there is none; HostError where another package's cannot be used."""
        if name not in self._loaded:
            place = self._own.get(name)
            if place is None:
                self._loaded[name] = self._load_foreign(name, self._foreign()[name])
            else:
                module, _, attribute = place.partition(":")
                self._loaded[name] = getattr(import_module(module), attribute)
        return self._loaded[name]

    def get(self, name: str) -> Found | None:
        """What has that name; None where there is none, or another package's cannot be used."""
        try:
            return self.load(name)
        except (KeyError, HostError):
            return None

    def usable(self) -> tuple[str, ...]:
        """Every name that can be loaded: another package's broken one does not stand in the others' way."""
        return tuple(name for name in self.names() if self.get(name) is not None)

    def _foreign(self) -> dict[str, list[EntryPoint]]:
        if self._others is None:
            from importlib.metadata import entry_points

            self._others = {}
            for entry in entry_points(group=self.group):
                if entry.name not in self._own:
                    self._others.setdefault(entry.name, []).append(entry)
        return self._others

    def _load_foreign(self, name: str, entries: list[EntryPoint]) -> Found:
        packages = sorted({_package(entry) for entry in entries})
        if len(packages) > 1:
            several = f"several packages bring a {self._what} {name}: {', '.join(packages)}"
            raise HostError(several, "uninstall all but one")
        whose = f"{self._what} {name} of the package {packages[0]}"
        try:
            found = entries[0].load()
        except (Exception, SystemExit) as error:  # the package's own code runs: anything may come out of it
            why = " ".join(f"{type(error).__name__}: {error}".split())
            raise HostError(f"{whose} cannot be loaded: {why}", _MEND) from error
        if not isinstance(found, self._type):
            wanted = f"{self._type.__module__}.{self._type.__qualname__}"
            raise HostError(f"{whose} is a {type(found).__name__}, no {wanted}", _MEND)
        return found


def _package(entry: EntryPoint) -> str:
    return entry.dist.name if entry.dist else entry.value
