"""find_limit: from a URL to a proven limit, as a blocking call; the search is in `wslab.core.limits.search`."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

from wslab.core.knobs import Knobs
from wslab.core.limits.trials import Observation, Trial
from wslab.core.limits.verdicts import Verdict
from wslab.core.recordings import Asked, read_verdict
from wslab.experiments.conduct import Cancel, OnProgress, Progress, served
from wslab.net import replay, runtime
from wslab.net.limits.probe import LimitProbe
from wslab.net.limits.request import ProbeRequest
from wslab.net.server.lab_server import LabServer


def find_limit(
    target: LabServer | Knobs | str,
    *,
    progress: OnProgress | None = None,
    cancel: Cancel | None = None,
    **request: Any,
) -> Verdict:
    """Find the largest message that a server accepts, what the limit counts, and what happens over it.

    Both the largest accepted and the smallest refused size are shown by real messages. Sizes are announced without
    sending them where that is proven to work for this server.

    Args:
        target: a running lab server, the knobs of one to start for it, or a URL.
        progress: called on the background thread with each trial.
        cancel: a token that stops the search; so does Ctrl-C. The verdict then says what was established.
        request: the other fields of `wslab.net.limits.request.ProbeRequest`: cap_bytes (default 64 MiB),
            configured_bytes, subprotocols, greeting, filler, headers, allow_hosts, ssl_context, timeout_s, hold_s.

    Returns:
        A verdict, whatever happens: a failure of the network is its `status`.

    Raises:
        TypeError, ValueError: an argument is out of its bounds, or the host is neither this machine nor allowed.
    """
    with served(target) as (server, url):
        asked = _asked(server, url, request)
        if replay.replaying():
            return replay.recall(asked, read_verdict)
        probe = LimitProbe(ProbeRequest(url=url, **request), None if progress is None else _Steps(progress))
        job = runtime.start(probe.run())
        if cancel is not None:
            cancel.watch(job)
        with contextlib.suppress(asyncio.CancelledError):
            try:
                job.result()
            except KeyboardInterrupt:
                job.cancel()
                job.result()
        verdict = probe.verdict()
        replay.keep(asked, verdict)
        return verdict


def _asked(server: LabServer | None, url: str, request: dict[str, Any]) -> Asked:
    """Return what decides the verdict; an SSL context decides who is believed, and is no argument that can be kept."""
    parameters = {name: value for name, value in request.items() if name != "ssl_context"}
    if server is None:
        return Asked(experiment="find_limit", parameters=parameters, url=url)
    return Asked(experiment="find_limit", parameters=parameters, knobs=server.knobs)


class _Steps:
    """Turns each trial of the search into a step of progress; how many there will be is not known."""

    def __init__(self, progress: OnProgress) -> None:
        self._progress = progress
        self._done = 0

    def __call__(self, trial: Trial, _observation: Observation) -> None:
        self._done += 1
        self._progress(Progress(self._done, None, f"{trial.payload_bytes:,} B, {trial.form.replace('_', ' ')}"))
