"""The close codes in words: one explanation a code or range, and no fact without its source.

The tables are kept by what ended the connection: `departures` (one side ends it for a reason of its own),
`refusals` (one side rejects what the other sent, or who it is), `unsent` (codes that no correct close frame
carries) and `ranges` (codes that are not registered one by one). Numbers, names and senders are facts of
`wslab.core.codes.registry`. Every text is a whole string, so that a translation is a table from these strings to
others.
"""

from __future__ import annotations

from wslab.core.codes.explanations.departures import DEPARTURES
from wslab.core.codes.explanations.ranges import RANGES
from wslab.core.codes.explanations.record import CodeExplanation
from wslab.core.codes.explanations.refusals import REFUSALS
from wslab.core.codes.explanations.unsent import UNSENT

__all__ = ["EXPLANATIONS", "CodeExplanation"]

EXPLANATIONS: dict[int | range, CodeExplanation] = {**DEPARTURES, **REFUSALS, **UNSENT, **RANGES}
"""By code, and by range for the codes that are not registered one by one."""
