"""The netns runtime: every machine is a set of namespaces below one PID namespace, with or without root.

    launch.py    user namespace, PID namespace, the lab's state folder and lock
    labinit.py   the lab's init (pid 1): makes the nodes, starts their processes, dies with its builder until commit
    nodeinit.py  a node's init: its root file system, its processes, reaping
    rootfs.py    what a node sees as its files
    enter.py     run a command in the namespaces of a running lab or node
    build.py     the builder's side of the above
    messages.py  the types of what these tell each other

launch, labinit, nodeinit, rootfs and netlab.runtime.inside run in a bare interpreter (`python -I -S`) that starts in
10 ms: they import nothing but the standard library, and little of that.
"""
