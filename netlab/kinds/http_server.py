"""The HTTP server of an emulated pod, or of a router that serves a VIP. Usage: http_server.py NAME PORT [ADDRESS]

A script of its own that is copied into the machine: standard library only, few imports, since a lab starts one per pod.
It answers any GET with two lines, `pod: NAME` and `client: ADDRESS` (the peer's address as the server sees it), and
closes the connection. One thread with epoll; a client that is slow, silent or sends garbage costs one descriptor and
at most MAX_REQUEST bytes until its deadline.
"""

import errno
import resource
import select
import socket
import sys
import time

BACKLOG = 4096
MAX_REQUEST = 8192
DEADLINE = 10.0
"""Seconds a client may take to send its request, and then again to close."""
MAX_CONNECTIONS = 8192

READ_EVENTS = select.EPOLLIN | select.EPOLLRDHUP


class Connection:
    """A client: the request read so far, or the rest of the answer."""

    __slots__ = ("answered", "deadline", "peer", "received", "sock", "to_send")

    def __init__(self, sock: socket.socket, peer: str, deadline: float) -> None:
        self.sock = sock
        self.peer = peer
        self.deadline = deadline
        self.received = b""
        self.to_send = b""
        self.answered = False


class Server:
    """Every connection of a listening socket."""

    def __init__(self, name: str, listener: socket.socket) -> None:
        self.name = name
        self.listener = listener
        self.epoll = select.epoll()
        self.connections: dict[int, Connection] = {}
        self.accepting = False
        self._accept_more(True)

    def _accept_more(self, wanted: bool) -> None:
        if wanted and not self.accepting:
            self.epoll.register(self.listener.fileno(), select.EPOLLIN)
        elif self.accepting and not wanted:
            self.epoll.unregister(self.listener.fileno())
        self.accepting = wanted

    def serve(self) -> None:
        """Serve until the process is killed."""
        sweep = time.monotonic() + 1.0
        while True:
            for fd, events in self.epoll.poll(1.0 if self.connections else -1):
                if fd == self.listener.fileno():
                    self._accept()
                elif fd in self.connections:
                    self._advance(self.connections[fd], events)
            now = time.monotonic()
            if now >= sweep:
                sweep = now + 1.0
                for connection in [c for c in self.connections.values() if c.deadline < now]:
                    self._drop(connection)

    def _accept(self) -> None:
        while len(self.connections) < MAX_CONNECTIONS:
            try:
                sock, address = self.listener.accept()
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno in (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM):
                    break
                return
            sock.setblocking(False)
            connection = Connection(sock, address[0].removeprefix("::ffff:"), time.monotonic() + DEADLINE)
            self.connections[sock.fileno()] = connection
            self.epoll.register(sock.fileno(), READ_EVENTS)
            # The request is usually there already.
            self._advance(connection, select.EPOLLIN)
        else:
            self._accept_more(False)
            return
        # Out of descriptors: wait for one of ours to close. With none open, try again at once.
        self._accept_more(not self.connections)

    def _drop(self, connection: Connection) -> None:
        del self.connections[connection.sock.fileno()]
        connection.sock.close()
        self._accept_more(True)

    def _advance(self, connection: Connection, events: int) -> None:
        try:
            if connection.to_send:
                if events & (select.EPOLLOUT | select.EPOLLERR | select.EPOLLHUP):
                    self._send(connection)
            elif events:
                self._receive(connection)
        except BlockingIOError:
            pass
        except OSError:
            self._drop(connection)

    def _receive(self, connection: Connection) -> None:
        data = connection.sock.recv(MAX_REQUEST)
        if not data:
            self._drop(connection)
        elif not connection.answered:
            connection.received += data
            request = connection.received
            if b"\r\n\r\n" in request or b"\n\n" in request or len(request) > MAX_REQUEST:
                connection.received = b""
                connection.to_send = self._answer(connection, request)
                self._send(connection)

    def _answer(self, connection: Connection, request: bytes) -> bytes:
        if len(request) > MAX_REQUEST:
            status, body = "431 Request Header Fields Too Large", "request too large\n"
        elif request.split(b" ", 1)[0] not in (b"GET", b"HEAD"):
            status, body = "400 Bad Request", "this server knows GET\n"
        else:
            status, body = "200 OK", f"pod: {self.name}\nclient: {connection.peer}\n"
        head = (
            f"HTTP/1.0 {status}\r\nContent-Type: text/plain; charset=utf-8\r\n"
            f"Content-Length: {len(body.encode())}\r\nConnection: close\r\n\r\n"
        )
        return (head if request.startswith(b"HEAD ") else head + body).encode()

    def _send(self, connection: Connection) -> None:
        sent = connection.sock.send(connection.to_send)
        connection.to_send = connection.to_send[sent:]
        if connection.to_send:
            self.epoll.modify(connection.sock.fileno(), select.EPOLLOUT)
            return
        # Closing now could reset the connection while the client still sends: say that this was all, then read
        # what comes until the client closes too.
        connection.answered = True
        connection.deadline = time.monotonic() + DEADLINE
        connection.sock.shutdown(socket.SHUT_WR)
        self.epoll.modify(connection.sock.fileno(), READ_EVENTS)


def listen(port: int, where: str = "") -> socket.socket:
    """A socket that listens on that address; without one on every address, IPv6 too where there is any."""
    if where:
        listener = socket.socket(socket.AF_INET6 if ":" in where else socket.AF_INET)
    else:
        try:
            listener = socket.socket(socket.AF_INET6)
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            where = "::"
        except OSError:
            listener = socket.socket(socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((where, port))
    listener.listen(BACKLOG)
    listener.setblocking(False)
    return listener


def main() -> None:
    """Serve until the process is killed."""
    _, name, port, *where = sys.argv
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    Server(name, listen(int(port), *where)).serve()


if __name__ == "__main__":
    main()
