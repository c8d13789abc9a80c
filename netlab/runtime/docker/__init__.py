"""The docker runtime: every machine is a container of a Docker engine on this machine, wired by netlab's own agent.

    entry.py         what the runtime is, for the registry
    runtime.py       its functions, as the packages above use them
    engine.py        where the engine listens, and what its refusals mean
    images.py        which image a machine runs, and whether the engine has it
    containers.py    what the engine is told of a machine; finding and removing a lab's containers by their labels
    clusters.py      the clusters that kind makes for a lab, whose containers have no labels of netlab's
    init.py          netlab's init in a container: files, processes, reaping
    control.py       the builder's side of that: the socket by which an init is told what to do
    messages.py      the types of what it is told
    guard.py         removes a lab whose builder died before the lab was complete
    build.py         building a lab, and repairing one
    agents.py        starting an agent: as root here, or in a helper container for a user of the group docker
    helper.py        becomes the agent in that container
    commands.py      commands in containers
    config_check.py  a program of an image, tried on a text before the machine exists
    needs.py         what netlab doctor looks at

A machine with processes of netlab's runs init.py as its pid 1, by the image's own python3; any other runs what its
image starts. init.py and what it imports are standard library only, Python 3.9 and later.
"""
