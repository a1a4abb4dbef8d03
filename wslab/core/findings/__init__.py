"""Records in, findings out: why connections closed, whose doing it was, how sure that is, and what to do."""

from wslab.core.findings.finding import Alternative, Finding
from wslab.core.findings.rules import find, headline

__all__ = ["Alternative", "Finding", "find", "headline"]
