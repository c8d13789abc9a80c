"""Recording the packets of one machine: a process of its own inside the lab, that dies with its caller or the lab.

    request.py   what is asked and what is reported, typed
    session.py   the caller's side: a control socket
    capturer.py  the process: ring -> file, pipe or lines
    ring.py      a packet socket with a memory-mapped ring
    libpcap.py   a filter in pcap syntax, compiled by libpcap, for every type of link
    pcapng.py    the file format
    summary.py   one readable line per packet

The capturer loads neither pydantic nor pyroute2, so that it captures 50 ms after the command was given.
"""
