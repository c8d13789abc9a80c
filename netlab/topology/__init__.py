"""What a user wrote: YAML with positions -> Topology. Generic; a kind's own options stay opaque here.

load.py          a topology file, read and checked as far as that needs no kind
source.py        a YAML file, read into a tree
expansion.py     environment variables in its text: `${NAME}`
parser.py        the events of YAML in a text
tree.py          the tree, in which every value knows its place
schema.py        the generic keys
containerlab.py  containerlab's keys that only a container engine can honour, and those without effect
written_keys.py  which of containerlab's keys a file has
keys.py          what the models of keys share
patterns.py      the forms of texts, as regular expressions
checking.py      values checked against pydantic models
wording.py       what pydantic found wrong, in plain English
problems.py      problems of several steps gathered, and the word that was meant
merge.py         a node's keys, laid over those of defaults, kind and group
nodes.py         a node's generic keys
containers.py    what they say of its container and its commands
envfiles.py      files of environment variables (`env-files`)
links.py         the links
addresses.py     the addresses of a link's two ends
prefixes.py      prefixes as they are written
names.py         which names hosts, interfaces, sysctls and environment variables can have
paths.py         files that a topology names
"""

from netlab.topology.load import load, parse

__all__ = ["load", "parse"]
