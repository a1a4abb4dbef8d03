"""The close codes in words: one explanation per code or range, every fact with its source.

There is a table for each way in which a connection ends: `departures` (one side ends it for its own reasons),
`refusals` (one side rejects what the other sent, or who it is), `unsent` (codes that no correct close frame carries)
and `ranges` (codes that are not registered individually). Numbers, names and senders are in
`wslab.core.codes.registry`. Every text is a whole string, so that a translation is a table of strings.
"""

from __future__ import annotations

from wslab.core.codes.explanations.departures import DEPARTURES
from wslab.core.codes.explanations.ranges import RANGES
from wslab.core.codes.explanations.record import CodeExplanation
from wslab.core.codes.explanations.refusals import REFUSALS
from wslab.core.codes.explanations.unsent import UNSENT

__all__ = ["EXPLANATIONS", "CodeExplanation"]

EXPLANATIONS: dict[int | range, CodeExplanation] = {**DEPARTURES, **REFUSALS, **UNSENT, **RANGES}
"""By code, and by range for codes that are not registered individually."""
