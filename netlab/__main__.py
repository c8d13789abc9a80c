"""`python -m netlab` is the netlab command."""

import signal

if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # a Ctrl-C while the command is being loaded is no traceback

from netlab.cli.main import main

main()
