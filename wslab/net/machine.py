"""This machine's limits: open files, ports, memory; checked before thousands of clients start.

A limit that is hit in the middle of a run looks like a server's failure, so it is checked first, and the message says
what to raise. Owns no socket.
"""

from __future__ import annotations

import importlib.metadata
import ipaddress
import os
import platform
import resource
import sys
from pathlib import Path
from random import Random
from typing import NamedTuple

from wslab.core.arguments import check_whole

SPARE_FILES = 100
"""Files that a process opens besides its clients' sockets."""

BYTES_PER_CLIENT = 48 * 2**10
"""Memory per client in all: the client, the kernel's two sockets, and the lab server's side, which is by far the most.
A generous estimate, so that the machine stays usable."""

OPEN_MAX = 10_240
"""Open files that macOS guarantees a process, although it reports no limit (its setrlimit(2))."""

DEFAULT_PORTS = (49_152, 65_535)
"""Ports for clients if the system does not say otherwise (RFC 6335 §6)."""

SOURCES = 200
"""Loopback addresses that a herd may connect from, if there is more than one."""


class MachineLimit(NamedTuple):
    """The largest number of clients that one resource allows, and how to raise it."""

    clients: int
    because: str
    raise_it: str


def check_clients(clients: int, *, processes: int = 1, files_per_client: int = 1) -> None:
    """Raise ValueError unless this machine can hold `clients`, divided among `processes`.

    The message names the lowest limit, says how to raise it, and suggests the simulation.
    """
    limit = min(limits(processes, files_per_client))
    check_whole(
        "clients",
        clients,
        low=1,
        high=limit.clients,
        unit="clients on this machine",
        hint=f"{limit.because}; {limit.raise_it}, or simulate them: simulate_herd(1_000_000, 'full_jitter') in Python, "
        "wslab simulate --clients 1000000 in a terminal",
    )


def limits(processes: int = 1, files_per_client: int = 1) -> list[MachineLimit]:
    """Return every limit on the number of clients that `processes` can hold together."""
    files = _permitted_files()
    addresses = SOURCES if _has_many_addresses() else 1
    memory_bytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return [
        MachineLimit(
            processes * max(0, files - SPARE_FILES) // files_per_client,
            f"one process may open {files:,} files",
            "raise the hard limit (ulimit -Hn, as root)",
        ),
        MachineLimit(
            addresses * ports_per_address(),
            f"an address has {ports_per_address():,} ports for clients",
            "widen the range (sysctl net.ipv4.ip_local_port_range)",
        ),
        MachineLimit(
            memory_bytes // 2 // BYTES_PER_CLIENT,
            f"a client with its server takes {BYTES_PER_CLIENT // 1024} KiB, of {memory_bytes / 2**30:.0f} GiB",
            "use a machine with more memory",
        ),
    ]


def raise_open_files() -> None:
    """Raise this process's soft limit on open files to the hard one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < (permitted := _permitted_files()):
        resource.setrlimit(resource.RLIMIT_NOFILE, (permitted, hard))


def ports_per_address() -> int:
    """Return how many connections one address can have to one server at the same time."""
    try:
        low, high = map(int, Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split())
    except OSError:
        low, high = DEFAULT_PORTS
    return high - low + 1


def sources(host: str, clients: int) -> list[str]:
    """Return addresses for `clients` to connect from; an empty list if the system's own choice will do.

    Once half of an address's ports are taken, the kernel searches ever longer for a free one. So there are enough
    addresses to stay below half, drawn anew each time to avoid ports that are still in TIME_WAIT.
    """
    wanted = min(SOURCES, -(-2 * clients // ports_per_address()))
    if wanted == 1 or not _has_many_addresses() or ipaddress.ip_address(host).version != 4:
        return []
    network = Random()
    return [f"127.{network.randint(1, 254)}.{network.randint(1, 254)}.{last}" for last in range(1, wanted + 1)]


def resident_bytes() -> int:
    """Return this process's memory; its peak, if the system reports only that."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return pages * resource.getpagesize()


def versions() -> dict[str, str]:
    """Return the versions of the software that measures."""
    return {
        "python": platform.python_version(),
        "wslab": importlib.metadata.version("wslab"),
        "websockets": importlib.metadata.version("websockets"),
    }


def _permitted_files() -> int:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return OPEN_MAX if hard == resource.RLIM_INFINITY else hard


def _has_many_addresses() -> bool:
    return sys.platform == "linux"  # there, all of 127.0.0.0/8 is the machine itself; elsewhere only 127.0.0.1 is
