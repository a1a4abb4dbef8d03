"""A finding as a JSON document: the same fields, with sources as label and address."""

from __future__ import annotations

from typing import Any

import msgspec

from wslab.core.codes.sources import Source
from wslab.core.findings.finding import Alternative, Finding, Sure, Whose


class Cited(msgspec.Struct, frozen=True):
    """A document or a lesson; the latter has no address of its own."""

    label: str
    url: str | None


class FindingDocument(msgspec.Struct, frozen=True, kw_only=True):
    """See `Finding`, whose fields these are."""

    rule: str
    what: str
    whose: Whose
    sure: Sure
    evidence: tuple[int, ...]
    why: str
    instead: tuple[Alternative, ...]
    advice: str
    sources: tuple[Cited, ...]
    facts: dict[str, Any]


def documented(finding: Finding) -> FindingDocument:
    """Return a finding as what a command prints."""
    cited = tuple(Cited(source.label, source.url if isinstance(source, Source) else None) for source in finding.sources)
    fields = {name: getattr(finding, name) for name in FindingDocument.__struct_fields__ if name != "sources"}
    return FindingDocument(**fields, sources=cited)
