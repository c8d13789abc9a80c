"""`python -m netlab.agent`, or this very file: the agent on standard input and output."""

import os
import sys
from pathlib import Path

if __name__ == "__main__":
    # Started by path and without the working directory in sys.path, wherever netlab is installed.
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))
    if "--capture" in sys.argv:
        from netlab.agent.pcap.capturer import main
    else:
        from netlab.agent.server import main

    main()
    os._exit(0)  # nothing of the interpreter's end is needed, and the caller waits for it
