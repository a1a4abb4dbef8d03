"""find_limit: from a URL to a proven limit, as a blocking call; `wslab.core.limits.search` is the search."""

from __future__ import annotations

from typing import Any

from wslab.core.limits.trials import Observation, Trial
from wslab.core.limits.verdicts import Verdict
from wslab.core.recordings import Asked, read_verdict
from wslab.core.target import Target
from wslab.experiments.conduct import Aim, Cancel, OnProgress, Progress, asked_of, opened
from wslab.experiments.stopping import Stop, see_through
from wslab.net import replay
from wslab.net.limits.probe import LimitProbe
from wslab.net.limits.request import ProbeRequest


def find_limit(
    target: Aim,
    *,
    progress: OnProgress | None = None,
    cancel: Cancel | None = None,
    **request: Any,
) -> Verdict:
    """Find the largest message that a server accepts, what the limit counts, and what happens over it.

    Real messages prove the largest accepted and the smallest refused size, and each refusal has a control. If it is
    shown to work for this server, sizes are announced without sending them.

    Args:
        target: a running lab server, the knobs of one to start for it, a URL, or a `Target`.
        progress: called on the background thread with each trial, and before the search slows down.
        cancel: a token that stops the search, as Ctrl-C does. The verdict then says what was established.
        request: the other fields of `wslab.net.limits.request.ProbeRequest`: cap_bytes (default 64 MiB),
            configured_bytes, filler, hold_s, max_elapsed_s (default 300), again_after_s, keep_replies.

    Returns:
        A verdict, whatever happens; a network failure is its `status`.

    Raises:
        TypeError, ValueError: an argument is out of its bounds, or the host is neither this machine nor allowed.
    """
    asked = _asked(target, request)
    if replay.replaying():
        return replay.recall(asked, read_verdict)

    async def search(stop: Stop) -> Verdict:
        async with opened(target) as (_, reached):
            probe = LimitProbe(ProbeRequest(reached, **request), None if progress is None else _Steps(progress))
            await stop.cut_short(probe.run())
            return probe.verdict()

    verdict = see_through(search, cancel)
    replay.keep(asked, verdict)
    return verdict


def _asked(target: Aim, request: dict[str, Any]) -> Asked:
    """Return what identifies the verdict, without a target's secrets."""
    knobs, foreign_url = asked_of(target)
    described = target.described() if isinstance(target, Target) else {}
    return Asked(experiment="find_limit", parameters={**request, **described}, knobs=knobs, url=foreign_url)


class _Steps:
    """Reports each trial of the search as progress; the total is not known."""

    def __init__(self, progress: OnProgress) -> None:
        self._progress = progress
        self._done = 0

    def __call__(self, trial: Trial, observation: Observation | None) -> None:
        self._done += observation is not None
        doing = f"{trial.payload_bytes:,} B, {trial.form.replace('_', ' ')}"
        self._progress(Progress(self._done, None, doing if trial.notice is None else trial.notice))
