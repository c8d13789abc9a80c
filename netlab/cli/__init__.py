"""The commands: parse, call one function of netlab.api, print. No logic.

    main.py        the `netlab` program, and the one place where errors are shown
    lifecycle.py   validate, deploy, destroy, inspect
    repair.py      repair, restart
    commands.py    exec, shell, vtysh, kubectl, logs, config
    capture.py     capture
    check.py       ecmp-check, judge
    graph.py       graph
    host.py        doctor
    schema.py      schema
    support.py     support
    completion.py  completion: the scripts, and what they ask
    names.py       the labs, nodes, interfaces and processes that a shell completes
    options.py     options that several commands share
    spelling.py    what the command line calls the parameters of netlab.api
    screen.py      progress on standard error
    until.py       work that goes on until Ctrl-C

What a command needs is imported when it runs, so that `netlab --help` and `netlab exec` stay fast.
"""
