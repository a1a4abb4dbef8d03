"""The background loop: blocking calls from anywhere, cancelled in order, never waiting for themselves."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
import threading

import pytest

from wslab.net import runtime


async def answer() -> int:
    await asyncio.sleep(0)
    return 42


def test_blocking_call_works_inside_a_running_loop() -> None:
    async def cell() -> int:
        return runtime.run(answer())

    assert asyncio.run(cell()) == 42


def test_blocking_call_works_on_any_thread() -> None:
    answers: list[int] = []
    threads = [threading.Thread(target=lambda: answers.append(runtime.run(answer()))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [42] * 4


def test_blocking_call_on_the_lab_loop_itself_raises() -> None:
    async def call_blocking() -> None:
        job = runtime.start(answer())
        try:
            job.result()
        finally:
            job.cancel()

    with pytest.raises(RuntimeError, match="await it instead"):
        runtime.run(call_blocking())


def test_exception_of_the_coroutine_is_the_callers() -> None:
    async def fail() -> None:
        raise ValueError("as it was")

    with pytest.raises(ValueError, match="as it was"):
        runtime.run(fail())


def test_cancelled_job_has_cleaned_up_when_its_result_is_there() -> None:
    done: list[str] = []

    async def work() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0.01)
            done.append("cleaned")

    job = runtime.start(work())
    job.cancel()
    with pytest.raises(asyncio.CancelledError):
        job.result()
    assert done == ["cleaned"]


def test_result_may_be_waited_for_with_a_limit() -> None:
    job = runtime.start(asyncio.sleep(60))
    with pytest.raises(TimeoutError, match=r"0\.01 s"):
        job.result(timeout_s=0.01)
    job.cancel()


def test_ctrl_c_cancels_and_cleans_up() -> None:
    script = textwrap.dedent(
        """
        import asyncio
        from wslab.net import runtime
        async def work():
            print("begun", flush=True)
            try:
                await asyncio.sleep(60)
            finally:
                await asyncio.sleep(0.05)
                print("cleaned", flush=True)
        try:
            runtime.run(work())
        except KeyboardInterrupt:
            print("interrupted", flush=True)
        """
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        os.kill(process.pid, signal.SIGINT)
        assert process.stdout.read().split() == ["cleaned", "interrupted"]


def test_forked_child_gets_a_loop_of_its_own() -> None:
    runtime.run(answer())
    script = textwrap.dedent(
        """
        import os, sys, warnings
        from wslab.net import runtime
        async def answer(): return 42
        runtime.run(answer())
        warnings.simplefilter("ignore")  # forking with threads is what is tried here
        pid = os.fork()
        if pid == 0:
            os._exit(0 if runtime.run(answer()) == 42 else 1)
        sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
        """
    )
    assert subprocess.run([sys.executable, "-c", script], timeout=30, check=False).returncode == 0


def test_nested_run_is_allowed_only_where_asked_for() -> None:
    script = textwrap.dedent(
        """
        import asyncio
        import websockets
        import wslab
        from wslab import LabServer

        async def upstream_example(url):
            async with websockets.connect(url) as websocket:
                await websocket.send("hello")
                return await asyncio.wait_for(websocket.recv(), 5)

        async def cell(url):
            try:
                coroutine = upstream_example(url)
                asyncio.run(coroutine)
            except RuntimeError:
                coroutine.close()
                print("refused")
            wslab.notebook.allow_nested_run()
            print(asyncio.run(upstream_example(url)))

        with LabServer() as server:
            asyncio.run(cell(server.url))
        """
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout.split() == ["refused", "hello"], done.stderr
