"""The field guide's records: one entry per real server, client or proxy, one cell per question, and counts of answers.

The recorded field guide is `data/fieldguide/entries.jsonl`, one entry per line; `wslab fieldguide` makes it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal

import msgspec

from wslab.core.checks import Evidence, Judgement
from wslab.core.errors import BadValueError
from wslab.core.places import recordings

Group = Literal["server", "proxy", "plain", "client"]
"""A "client" reconnects by itself, a "plain" one leaves that to the application."""


class Cell(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to one question.

    Fields:
        question: a case of a check, or "default_limit", "idle_timeout".
        answer: a judgement, or a value in words, short enough for a table.
        judgement: of a case; None if the question has no right or wrong answer.
        seen: the observation in one sentence. evidence: what the answer rests on.
    """

    question: str
    answer: str
    judgement: Judgement | None = None
    seen: str
    evidence: tuple[Evidence, ...] = ()


class GuideEntry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """All answers of one subject, from one survey.

    Fields:
        subject: its name, with its variant. about: the description in its file.
        product: the software that it is a variant of, by which subjects are counted; empty: the subject itself.
        configured_by: what sets its limit; None: nothing does.
        versions: of its packages and programs. machine: platform, Python, cores.
        asked_at: wall clock, ISO 8601, UTC.
        missing: why it was not tried; None: it was. trouble: what else went wrong, such as a port that it kept.
    """

    subject: str
    group: Group
    asked_at: str
    about: str = ""
    product: str = ""
    configured_by: str | None = None
    versions: dict[str, str] = {}
    machine: dict[str, str] = {}
    elapsed_s: float = 0.0
    missing: str | None = None
    trouble: tuple[str, ...] = ()
    cells: tuple[Cell, ...] = ()

    def cell(self, question: str) -> Cell | None:
        """Return the answer to a question; None if it was not asked."""
        return next((cell for cell in self.cells if cell.question == question), None)


encode_entry = msgspec.json.Encoder().encode
_decode_entry = msgspec.json.Decoder(GuideEntry).decode


def read_entries(path: Path | None = None) -> list[GuideEntry]:
    """Read a field guide; by default the one that comes with the package.

    A last line that a kill has cut off is ignored.

    Raises:
        OSError: the file cannot be read.
        ValueError: a line is not an entry; the message says which.
    """
    path = path or recordings() / "fieldguide" / "entries.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    entries = []
    for number, line in enumerate(lines, 1):
        try:
            entries.append(_decode_entry(line))
        except msgspec.DecodeError as error:
            if number == len(lines) and not line.endswith(b"\n"):
                break
            raise BadValueError(f"line {number} of {str(path)!r} is not an entry of a field guide: {error}") from None
    return entries


class Counted(msgspec.Struct, frozen=True):
    """The subjects, or products, that gave one of the answers, of those that were asked.

    Fields:
        mixed: products whose variants disagree: some gave one of the answers, others did not.
    """

    yes: tuple[str, ...]
    asked: tuple[str, ...]
    mixed: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{len(self.yes)} of {len(self.asked)}"


def tally(
    entries: Iterable[GuideEntry],
    question: str,
    *answers: str,
    group: Group = "server",
    untold: Sequence[str] = ("not run",),
) -> Counted:
    """Count the subjects of a group that gave one of these answers, out of those that could be asked.

    >>> cell = Cell(question="drains_after_refusing", answer="passes", seen="It reads on.")
    >>> entry = GuideEntry(subject="a", group="server", asked_at="2026-11-26", cells=(cell,))
    >>> str(tally([entry], "drains_after_refusing", "passes"))
    '1 of 1'
    """
    cells = [(entry.subject, entry.cell(question)) for entry in entries if entry.group == group]
    asked = [(subject, cell.answer) for subject, cell in cells if cell is not None and cell.answer not in untold]
    return Counted(
        tuple(subject for subject, answer in asked if answer in answers), tuple(subject for subject, _ in asked)
    )


def tally_products(entries: Iterable[GuideEntry], question: str, *answers: str, group: Group = "server") -> Counted:
    """Count like `tally`, but each product once: FastAPI on uvicorn and uvicorn's backends are one product.

    A product counts if all of its subjects that were asked gave one of the answers.
    """
    entries = list(entries)
    products = {entry.subject: entry.product or entry.subject for entry in entries}
    counted = tally(entries, question, *answers, group=group)
    asked = dict.fromkeys(products[subject] for subject in counted.asked)
    some = {products[subject] for subject in counted.yes}
    others = {products[subject] for subject in counted.asked if subject not in counted.yes}
    return Counted(
        yes=tuple(product for product in asked if product in some - others),
        asked=tuple(asked),
        mixed=tuple(product for product in asked if product in some & others),
    )


def changes(before: Iterable[GuideEntry], now: Iterable[GuideEntry]) -> list[str]:
    """Return the answers that changed between two field guides, one line each; both must have asked the question."""
    earlier = {entry.subject: entry for entry in before}
    lines = []
    for entry in now:
        was = earlier.get(entry.subject)
        if was is None or was.missing or entry.missing:
            continue
        moved = ", ".join(
            f"{name} {was.versions[name]} → {version}"
            for name, version in entry.versions.items()
            if was.versions.get(name, version) != version
        )
        for cell in entry.cells:
            old = was.cell(cell.question)
            if old is not None and old.answer != cell.answer:
                because = f" ({moved})" if moved else ""
                lines.append(f"{entry.subject}, {cell.question}: {old.answer} → {cell.answer}{because}")
    return lines
