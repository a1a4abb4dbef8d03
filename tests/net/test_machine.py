"""What the machine can hold is asked before, and the answer says what to raise."""

from __future__ import annotations

import resource
import subprocess
import sys
from ipaddress import ip_address

import pytest

from wslab.net import machine


def test_limit_of_files_counts_for_each_process() -> None:
    files_for_one, files_for_three = (machine.limits(processes)[0].clients for processes in (1, 3))
    assert files_for_three == 3 * files_for_one


def test_limit_that_is_met_first_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    few = machine.MachineLimit(10, "one process may open 110 files", "raise the hard limit")
    monkeypatch.setattr(machine, "limits", lambda *_: [machine.MachineLimit(99, "ports", "widen the range"), few])
    machine.check_clients(10)
    with pytest.raises(ValueError, match=r"between 1 and 10 .*110 files; raise the hard limit, or simulate them"):
        machine.check_clients(11)


def test_soft_limit_of_files_is_raised_to_the_hard_one() -> None:
    script = (
        "import resource; from wslab.net import machine; hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1];"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (50, hard)); machine.raise_open_files();"
        "print(resource.getrlimit(resource.RLIMIT_NOFILE)[0])"
    )
    raised = int(subprocess.run([sys.executable, "-c", script], capture_output=True, check=True).stdout)
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    assert raised in (hard, machine.OPEN_MAX)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere 127.0.0.1 is the only loopback address")
def test_sources_are_enough_loopback_addresses() -> None:
    ports = machine.ports_per_address()
    assert machine.sources("127.0.0.1", ports // 2) == []
    many = machine.sources("127.0.0.1", 3 * ports)
    assert len(set(many)) * ports >= 2 * 3 * ports
    assert all(ip_address(source).is_loopback for source in many)
    assert machine.sources("::1", 3 * ports) == []


def test_resident_memory_grows_with_what_is_held() -> None:
    before = machine.resident_bytes()
    held = bytearray(b"x" * 50_000_000)
    assert machine.resident_bytes() - before > 0.9 * len(held)
