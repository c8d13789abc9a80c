"""The only code that works inside network namespaces: links, addresses, sysctls, routes, captures, traffic.

A single-threaded process (`python -m netlab.agent`) that a runtime starts where the namespaces are and that takes
framed JSON on its standard input. Nothing above it sees a descriptor, a pid or a namespace path: machines are named.

    messages.py   requests and answers, typed
    client.py     the caller's side
    server.py     the loop of the agent itself
    wiring.py     links, addresses, routes and sysctls of a whole lab
    kernel.py     what the kernel says: routes, next-hop groups, neighbours, hash settings
    asking.py     questions to routing daemons, each by its own dialogue (netlab.daemons)
    capture.py    packets leaving a router, from a ring
    record/       packets of a machine as a file, a stream or lines, by a process of its own
    traffic.py    TCP flows from a client, and where each of them went
"""
