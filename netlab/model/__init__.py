"""The frozen types that pass between packages, one per stage.

Topology (written) -> LabPlan (meant) -> LabRecord (exists) -> Evidence (seen) -> Verdict (concluded).
Nothing here does I/O, and nothing here imports another netlab package.

    topology.py    what a user wrote, with the position of every value
    plan.py        what it means: machines, addresses, routes, files and processes
    cluster.py     the same of a real Kubernetes cluster
    lab.py         a running lab, as its state folder records it
    evidence.py    what was seen, without conclusions
    verdict.py     what is concluded from it
    routing.py     what routing daemons are asked and answer
    results.py     what deploy, repair and inspect give back
    host.py        what a host has and lacks
    runtime.py     what a runtime is, as far as others need to know it
    errors.py      the errors that a user can meet
    limits.py      what the numbers that a caller gives may be
    parameters.py  what messages call a caller's parameters
    codec.py       these types to JSON and back
    endpoint.py    an address and a port as one text
    text.py        text from files, safe to show on a terminal
"""
