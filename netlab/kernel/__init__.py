"""The Linux kernel as the rest of netlab asks it: nothing here knows of labs, machines or routers.

    syscalls.py    system calls that Python does not have: namespaces, mounts, capabilities
    netlink.py     batches of rtnetlink messages
    bpf.py         classic BPF with labels: filters of packets and of system calls
    packetring.py  a packet socket with a filter and a ring in shared memory
    processes.py   processes by pid and start time
    pump.py        a command's streams, both ways

syscalls.py and bpf.py are imported by the inits of labs and machines: standard library only, and Python 3.9 and later.
"""
