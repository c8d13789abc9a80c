"""The commands: parse, call one function of netlab.api, print. No logic.

What a command needs is imported when it runs, so that `netlab --help` and `netlab exec` stay fast.
"""
