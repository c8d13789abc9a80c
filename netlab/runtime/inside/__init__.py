"""What runs inside a machine, under every runtime: standard library only, Python 3.9 and later.

starter.py   starts a machine's processes in the order that their needs allow
messages.py  the types of what an init is told and answers
accounts.py  a routing daemon's user and groups, as other names of id 0
rights.py    what commands in a node may do
seccomp.py   a filter of system calls for processes that insist on CAP_SYS_ADMIN
"""
