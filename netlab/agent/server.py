"""The agent's loop: read a request, do it, answer. Single-threaded; ends with its input."""

from __future__ import annotations

import os
import resource
import sys

from netlab.agent import asking, framing, kernel, messages, ownership, traffic
from netlab.agent.namespaces import Namespaces
from netlab.kernel.netlink import NetlinkSocket
from netlab.model import codec
from netlab.model.errors import HostError, InputError, LabError


def serve(from_caller: int, to_caller: int) -> None:
    """Answer requests until the caller is gone."""
    agent = Agent()
    while True:
        try:
            word, payload = framing.read(from_caller)
            framing.write(to_caller, *_answer(agent, word, payload))
        except framing.EndOfStream:
            return


def _answer(agent: Agent, word: str, payload: bytes) -> tuple[str, bytes]:
    """The word and the payload of the answer to one request."""
    try:
        request = codec.decode(messages.REQUESTS[word], payload, word)
        return "ok", codec.encode(getattr(agent, word)(request))
    except HostError as error:
        return "host-error", " ".join(error.lines()).encode()
    except (LabError, InputError) as error:
        return "error", str(error).encode()
    except OSError as error:
        return "error", f"agent: {word}: {error.strerror or error}".encode()


class Agent:
    """The requests, one method each, named as in messages.REQUESTS."""

    def __init__(self) -> None:
        self._namespaces = Namespaces({})

    def hello(self, request: messages.Hello) -> messages.Done:
        """Learn where the machines are."""
        self._namespaces = Namespaces(dict(request.nodes))
        return messages.Done()

    def wire(self, request: messages.WireRequest) -> messages.WireAnswer:
        """Wire the lab."""
        from netlab.agent import wiring  # pyroute2's 150 ms are for an agent that wires alone

        return wiring.wire(request, self._namespaces)

    def rewire(self, request: messages.WireRequest) -> messages.WireAnswer:
        """Put back what machines of the lab lost."""
        from netlab.agent import rewiring

        return rewiring.rewire(request, self._namespaces)

    def refuse_taken(self, request: messages.WireRequest) -> messages.Done:
        """Refuse what would take the place of somebody else's."""
        ownership.refuse_taken(request, self._namespaces)
        return messages.Done()

    def remove_marked(self, request: messages.WireRequest) -> messages.Done:
        """Take the lab's interfaces out of machines that somebody else has made."""
        ownership.remove_marked(request, self._namespaces)
        return messages.Done()

    def ask(self, request: messages.AskRequest) -> messages.AskAnswers:
        """Ask routing daemons."""
        return messages.AskAnswers(asking.ask(request.questions, self._namespaces))

    def kernel(self, request: messages.KernelRequest) -> messages.KernelAnswer:
        """Ask kernels how they forward."""
        return messages.KernelAnswer(tuple(self._kernel_view(*question) for question in request.questions))

    def _kernel_view(self, node: str, destination: str) -> messages.KernelView:
        with self._namespaces.inside(node):
            netlink = NetlinkSocket()
            try:
                return messages.KernelView(
                    route=kernel.route_to(destination, netlink),
                    arp=kernel.arp_entries(netlink),
                    hash=kernel.hash_settings(destination),
                )
            finally:
                netlink.close()

    def flows(self, request: messages.FlowsRequest) -> messages.FlowsAnswer:
        """Send flows and watch them."""
        return traffic.run(request, self._namespaces)


def main() -> None:
    """Serve on standard input and output; whatever else would be printed goes to standard error."""
    from_caller, to_caller = os.dup(0), os.dup(1)
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    # Wiring takes two descriptors per machine, a flow one, and 1024 is a common soft limit.
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if "--wiring" in sys.argv:
        import netlab.agent.wiring  # noqa: F401
    serve(from_caller, to_caller)
