"""On PYTHONPATH: whatever Python code reaches out of this machine is refused, and written to a file."""

import os
import sys
from pathlib import Path

LOOPBACK = {"", "localhost", "127.0.0.1", "::1", "0.0.0.0", "::"}
EVENTS = {
    "socket.connect": lambda args: args[1],
    "socket.sendto": lambda args: args[1],
    "socket.sendmsg": lambda args: args[1],
    "socket.getaddrinfo": lambda args: (args[0],),
    "socket.gethostbyname": lambda args: (args[0],),
    "socket.gethostbyaddr": lambda args: (args[0],),
}


def refuse(event, args):
    if event not in EVENTS:
        return
    address = EVENTS[event](args)
    if not isinstance(address, tuple):  # a socket file, or a socket that is connected already
        return
    host = address[0].decode() if isinstance(address[0], bytes) else str(address[0] or "")
    if host not in LOOPBACK:
        with Path(os.environ["GUARD_LOG"]).open("a") as log:
            log.write(f"{event} {host}\n")
        raise OSError(f"no network in tests: {event} {host}")


sys.addaudithook(refuse)
