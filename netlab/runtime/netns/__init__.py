"""The netns runtime: every machine is a set of namespaces below one PID namespace, with or without root.

    launch.py    user namespace, PID namespace, the lab's state folder and lock
    labinit.py   the lab's init (pid 1): has the nodes made, starts their processes, dies with its builder until commit
    making.py    making nodes: their namespaces, their roots and their inits, side by side where they are many
    nodeinit.py  a node's init: the rest of its root, its processes, reaping
    rootfs.py    what a node sees as its files
    skeleton.py  what all nodes' roots have in common
    enter.py     run a command in the namespaces of a running lab or node
    build.py     the builder's side of the above
    messages.py  the types of what these tell each other
    requests.py  what it asks of the lab's init

launch, labinit, making, nodeinit, rootfs, skeleton and netlab.runtime.inside run in a bare interpreter
(`python -I -S`) that starts in 10 ms: they import nothing but the standard library, and little of that.
"""
