"""A node with an image of VyOS: the real system, which reads its configuration from /config/config.boot as it boots."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace

from netlab.kinds.base import AddressedLab, Expansion, GivenAddress, Machine, Rendered, SourceText
from netlab.kinds.common import machine_plan
from netlab.kinds.vyos.braces import has_braces, read_braces, release
from netlab.kinds.vyos.commands import SESSION_WORDS, read_commands
from netlab.kinds.vyos.grammar import GrammarNode, grammar
from netlab.kinds.vyos.statements import VERSIONS
from netlab.kinds.vyos.tree import Builder, ConfigNode, quoted
from netlab.kinds.vyos.words import Word, split_line
from netlab.model.errors import Problem, TopologyError
from netlab.model.plan import ContainerPlan, FilePlan, Role, RoutingPlan
from netlab.model.topology import NodeSpec
from netlab.topology.problems import Problems

CONFIG = "/config/config.boot"
_DAEMONS = ("zebra", "staticd", "bgpd")
"""What FRR in VyOS 1.2 and later runs of the daemons that netlab asks."""


_NAMED_BLOCKS = frozenset({"loopback"})
"""Nodes whose only value stands in the grammar as a word."""
_PLAIN = re.compile(r"(?!.*//)[\w.:/@,+=-]+", re.ASCII)


@dataclass(frozen=True)
class VyosImage:
    """What is known of a real VyOS before it boots."""

    config: str | None = field(repr=False)
    """The content of config.boot; None where the image's own holds."""
    addresses: tuple[GivenAddress, ...]
    asn: int | None
    unused: tuple[str, ...]
    """Options of the node that only translated configurations have."""


def read_image(node: NodeSpec, version: str | None, source: SourceText | None) -> VyosImage:
    """What the configuration says of addresses and BGP. Raises TopologyError where it makes no config.boot.

    Whether VyOS takes it is VyOS's to say: what netlab does not know is no mistake here.
    """
    if node.options.value.get("serve"):
        message = f"{node.name} runs VyOS's own image, and nothing of netlab's in it"
        raise TopologyError(Problem(message, node.options.key_at("serve"), "serve from a node of another kind"))
    unused = tuple(key for key in ("hash", "forwarding") if node.options.value.get(key) not in (None, "per-flow"))
    if source is None:
        return VyosImage(None, (), None, unused)
    named = release(source) if has_braces(source.text) else None
    version = version or (named[0] if named else None)
    if not has_braces(source.text) and version is None:
        message = f"{node.name} does not say its VyOS version, and {source.file} names none"
        raise TopologyError(Problem(message, node.position, f"add vyos-version: one of {', '.join(VERSIONS)}"))
    root = _read(source, version) if version in VERSIONS else None
    config = source.text if has_braces(source.text) else _braces(source, grammar(version or ""))
    return VyosImage(config, _addresses(root), _asn(root), unused)


def expand(node: NodeSpec, image: VyosImage) -> Expansion:
    """One machine, with the addresses of its configuration."""
    return Expansion((Machine(node.name, Role.ROUTER, image.addresses, image.asn),))


def render(node: NodeSpec, image: VyosImage, lab: AddressedLab) -> Rendered:
    """The image as it is, with its configuration. /etc/hosts is VyOS's own."""
    plan = machine_plan(
        lab,
        lab.machines[node.name],
        runs_as=f"VyOS image {node.image}",
        routing=RoutingPlan("frr", _DAEMONS, image.asn, neighbors_asked=True),
        container=ContainerPlan(privileged=True, boots=True),
    )
    files = () if image.config is None else (FilePlan(CONFIG, image.config, 0o660),)
    warnings = [f"{node.name}: VyOS boots in a privileged container, which can change this host"]
    if image.unused:
        warnings.append(f"{node.name}: {' and '.join(image.unused)} not used: VyOS's image sets it by itself")
    return Rendered((replace(plan, files=files),), warnings=tuple(warnings))


def _read(source: SourceText, version: str) -> ConfigNode:
    """As much of the configuration as the grammar understands."""
    builder = Builder(source.file, Problems())
    try:
        (read_braces if has_braces(source.text) else read_commands)(source, grammar(version), builder)
    except TopologyError:  # more than a hundred statements that netlab does not know
        pass
    return builder.root


def _addresses(root: ConfigNode | None) -> tuple[GivenAddress, ...]:
    if root is None:
        return ()
    return tuple(
        GivenAddress(interface.value, address.value, address.position)
        for kind in ("ethernet", "loopback")
        for interface in root.below("interfaces", kind)
        for address in interface.below("address")
    )


def _asn(root: ConfigNode | None) -> int | None:
    if root is None:
        return None
    system = root.leaf("protocols", "bgp", "system-as")
    numbered = [node.value for node in root.below("protocols", "bgp") if isinstance(node.value, int)]
    return int(system.value) if system else next(iter(numbered), None)


@dataclass
class _Block:
    """What stands in a block of config.boot: statements without one, and named blocks."""

    leaves: dict[str, None] = field(default_factory=dict)
    blocks: dict[str, _Block] = field(default_factory=dict)

    def lines(self, depth: int = 0) -> list[str]:
        indent = "    " * depth
        found = [f"{indent}{leaf}" for leaf in self.leaves]
        for name, block in self.blocks.items():
            found += [f"{indent}{name} {{", *block.lines(depth + 1), f"{indent}}}"]
        return found


def _braces(source: SourceText, rules: GrammarNode) -> str:
    """The `set` commands as config.boot has them. A later value of a single-valued node replaces an earlier one."""
    problems = Problems()
    root = _Block()
    for number, line in enumerate(source.text.split("\n"), 1):
        with problems.gather():
            words = split_line(line, source.file, number)
            if words and words[0].text == "set":
                _place(root, words[1:], rules)
            elif words and words[0].text not in SESSION_WORDS:
                hint = "a configuration is a list of set commands"
                problems.add(f"unknown command {quoted(words[0].text)}", words[0].position, hint)
    problems.raise_any()
    return "\n".join(root.lines()) + "\n"


def _place(block: _Block, words: tuple[Word, ...], rules: GrammarNode) -> None:
    """Put one command's words into the block. The grammar tells names of blocks from values."""
    index = 0
    while index < len(words):
        word = words[index]
        inner = rules.words.get(word.text)
        if inner is None or inner.ignored or inner.refusal is not None:
            raise TopologyError(_unknown(words[: index + 1]))
        name, rules, index = word.text, inner, index + 1
        if name in _NAMED_BLOCKS and index < len(words) and words[index].text in inner.words:
            name = f"{name} {words[index].text}"
            rules, index = inner.words[words[index].text], index + 1
            block = block.blocks.setdefault(name, _Block())
            continue
        if index < len(words) and inner.value is not None and words[index].text not in inner.words:
            name = f"{name} {_quoted(words[index].text)}"
            rules, index = inner.value, index + 1
            if not rules.words and rules.value is None:
                if inner.replaces:
                    for leaf in [leaf for leaf in block.leaves if leaf.startswith(f"{word.text} ")]:
                        del block.leaves[leaf]
                block.leaves[name] = None
                continue
        elif not inner.words and inner.value is None:
            block.leaves[name] = None
            continue
        block = block.blocks.setdefault(name, _Block())


def _unknown(words: tuple[Word, ...]) -> Problem:
    return Problem(
        f"netlab does not know how config.boot has {quoted(' '.join(word.text for word in words))}",
        words[-1].position,
        "give the configuration with braces, as VyOS's own config.boot has it",
    )


def _quoted(text: str) -> str:
    """A value as config.boot has it: in double quotes where it is no plain word."""
    if _PLAIN.fullmatch(text):
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
