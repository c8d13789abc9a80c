"""`python -m netlab` is the netlab command, and the `netlab` that is installed begins here too."""

# Not `signal`: that takes milliseconds to load, in which Ctrl-C would be a traceback.
import _signal

if _signal.getsignal(_signal.SIGINT) is _signal.default_int_handler:
    _signal.signal(_signal.SIGINT, _signal.SIG_DFL)  # until the command is loaded, which takes a while too

from netlab.cli.main import main

if __name__ == "__main__":
    main()
