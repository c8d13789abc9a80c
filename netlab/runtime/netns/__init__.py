"""The netns runtime: every machine is a set of namespaces below one PID namespace, with or without root.

    entry.py         what the runtime is, for the registry
    runtime.py       its functions, as the packages above use them
    launch.py        user namespace, PID namespace, the lab's state folder and lock
    identity.py      which ids a lab has
    labinit.py       the lab's init (pid 1): has nodes made, starts processes, dies with its builder until commit
    making.py        making nodes: their namespaces, their roots and their inits, side by side where they are many
    nodeinit.py      a node's init: the rest of its root, its processes, reaping
    rootfs.py        what a node sees as its files
    skeleton.py      what all nodes' roots have in common
    enter.py         run a command in the namespaces of a running lab or node
    build.py         the builder's side of the above
    messages.py      the types of what these tell each other
    requests.py      what it asks of the lab's init
    own_rootfs.py    the builder's side of a node with a root file system of its own
    agents.py        starting an agent inside a lab
    commands.py      a command in a machine, and what it prints
    config_check.py  a program of a machine that does not exist yet, tried on a text
    needs.py         what netlab doctor looks at
    sample_lab.py    whether this host lets a lab be made, tried out

launch, labinit, making, nodeinit, rootfs, skeleton and netlab.runtime.inside run in a bare interpreter
(`python -I -S`) that starts in 10 ms: they import nothing but the standard library, and little of that.
"""
