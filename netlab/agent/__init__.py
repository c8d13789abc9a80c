"""The only code that works inside network namespaces: links, addresses, sysctls, routes, captures, traffic.

A single-threaded process (`python -m netlab.agent`) that a runtime starts where the namespaces are and that takes
framed JSON on its standard input. Nothing above it sees a descriptor, a pid or a namespace path: machines are named.

    __main__.py        the program: `python -m netlab.agent`
    messages.py        requests and answers, typed
    framing.py         frames on a byte stream, in which these travel
    client.py          the caller's side
    server.py          the loop of the agent itself
    namespaces.py      moving between the machines' network namespaces
    wiring.py          links, addresses, routes and sysctls of a whole lab
    rewiring.py        putting back what machines lost that were started again
    ownership.py       which interfaces are netlab's, in a machine that somebody else has made
    encoding.py        bodies of the rtnetlink messages that a large lab needs by the thousand
    pyroute2.py        pyroute2's messages of rtnetlink, without the rest of it
    kernel.py          what the kernel says: routes, next-hop groups, ARP and ND entries, hash settings
    multipath_hash.py  the hash by which an IPv6 router picks a next hop, for predictions
    asking.py          questions to routing daemons, each by its own dialogue (netlab.daemons)
    segments.py        packets leaving a router, from a ring
    pcap/              packets of a machine as a file, a stream or lines, by a process of its own
    traffic.py         TCP flows from a client, and where each of them went
"""
