"""Nothing that was measured is lost: Ctrl-C and cancel return the run so far."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap

import pytest

import wslab
from wslab.core.knobs import Knobs
from wslab.net.server.lab_server import LabServer


def test_ctrl_c_returns_the_run_so_far(tmp_path: object) -> None:
    script = textwrap.dedent(
        """
        import wslab
        from wslab.core.knobs import Knobs
        run = wslab.payload_sweep(
            Knobs(), [10] * 100_000, on_record=lambda record: print(type(record).__name__, flush=True)
        )
        print("partial", run.info.partial, len(run.sends) > 0, len(run.accounts) > 0)
        """
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        while "Send" not in process.stdout.readline():
            pass
        os.kill(process.pid, signal.SIGINT)
        assert process.stdout.read().splitlines()[-1] == "partial True True True"


def test_one_message_is_a_run() -> None:
    run = wslab.send_message(Knobs(max_message_bytes=10), b"x" * 11)
    (attempt,), (send,), (closure,), (account,) = run.attempts, run.sends, run.closures, run.accounts
    assert attempt.connection_id == send.connection_id == closure.connection_id == account.connection_id
    assert (send.close_code, closure.close_code) == (1009, 1009)


@pytest.mark.parametrize("payload", [None, 5, ["x"]])
def test_payload_of_another_type_raises(payload: object) -> None:
    with pytest.raises(TypeError, match="payload is of type"):
        wslab.send_message(Knobs(), payload)  # type: ignore[arg-type]


def test_staying_connected_for_a_while_tells_of_the_restart_meanwhile() -> None:
    import threading

    with LabServer(downtime_s=0.1) as server:
        restarting = threading.Timer(0.3, server.restart)
        restarting.start()
        run = wslab.experiments.stay_connected(server, lambda rng: iter([0.05] * 20), duration_s=1.5)
        restarting.join()
    (outage,) = run.outages
    assert (outage.close_code, outage.gave_up) == (1012, None)
    assert len(run.restarts) == 1


def test_knobs_are_a_server_to_stay_connected_to() -> None:
    run = wslab.experiments.stay_connected(Knobs(), duration_s=0.1)
    assert [attempt.outcome for attempt in run.attempts] == ["opened"]


def test_listener_that_raises_is_told_of_once(caplog: pytest.LogCaptureFixture) -> None:
    def fail(record: object) -> None:
        raise ZeroDivisionError("by the listener")

    with pytest.raises(ZeroDivisionError, match="by the listener"):
        wslab.payload_sweep(Knobs(), [1], on_record=fail)
    assert not caplog.records
