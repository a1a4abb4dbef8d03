"""The registry: complete, true to the protocol, and without a fact that has no source."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from websockets.exceptions import ProtocolError
from websockets.frames import Close

from wslab.core.bounds import MAX_REASON_BYTES
from wslab.core.codes.explanations import EXPLANATIONS, CodeExplanation
from wslab.core.codes.registry import REGISTRY, CloseCode, lookup
from wslab.core.codes.sources import Claim, Lesson

# The IANA registry as it stood in 2026, with its spelling. 1014 has a sentence there instead of a name; "Bad
# Gateway" is the subject of the message that registered it.
REGISTERED_NAMES = {
    1000: "Normal Closure",
    1001: "Going Away",
    1002: "Protocol error",
    1003: "Unsupported Data",
    1004: "Reserved",
    1005: "No Status Rcvd",
    1006: "Abnormal Closure",
    1007: "Invalid frame payload data",
    1008: "Policy Violation",
    1009: "Message Too Big",
    1010: "Mandatory Ext.",
    1011: "Internal Error",
    1012: "Service Restart",
    1013: "Try Again Later",
    1014: "Bad Gateway",
    1015: "TLS handshake",
    3000: "Unauthorized",
    3003: "Forbidden",
    3008: "Timeout",
}
FIRST_AND_LAST_OF_RANGES = {
    "Not used": (0, 999),
    "Unassigned": (1016, 2999),
    "Unregistered": (3001, 3999),
    "Private use": (4000, 4999),
    "Out of range": (5000, 65535),
}

every_code = st.integers(0, 65535)
one_of_each_kind = [*REGISTRY, *(first for first, _ in FIRST_AND_LAST_OF_RANGES.values())]


def claims(words: CodeExplanation) -> Iterator[Claim]:
    yield from (words.description, *words.when_seen, *words.how_to_fix, words.when_to_use, words.retry)


def test_registry_holds_exactly_what_iana_registers() -> None:
    assert {code: entry.name for code, entry in REGISTRY.items()} == REGISTERED_NAMES


def test_explanations_belong_to_a_code_or_a_range_of_the_registry() -> None:
    assert {key for key in EXPLANATIONS if isinstance(key, int)} == set(REGISTRY)
    assert {id(lookup(code).explanation) for code in one_of_each_kind} == set(map(id, EXPLANATIONS.values()))


@pytest.mark.parametrize(("name", "bounds"), FIRST_AND_LAST_OF_RANGES.items())
def test_lookup_unregistered_code_has_the_meaning_of_its_range(name: str, bounds: tuple[int, int]) -> None:
    for code in bounds:
        assert lookup(code).label == f"{code} {name}"


@settings(deadline=None)
@given(every_code)
def test_lookup_any_code_of_two_bytes_is_known(code: int) -> None:
    assert lookup(code).code == code


@pytest.mark.parametrize("code", [-1, 65536])
def test_lookup_code_beyond_two_bytes_names_value_and_bounds(code: int) -> None:
    with pytest.raises(ValueError, match=rf"code is {code}, but .* 0 to 65535; defined codes are 1000 to 4999"):
        lookup(code)


@pytest.mark.parametrize("code", ["1009", 1009.0, True, None])
def test_lookup_not_a_whole_number_is_a_type_error(code: object) -> None:
    with pytest.raises(TypeError, match=r"code is .*, but must be a whole number, such as 1009"):
        lookup(code)  # type: ignore[arg-type]


@settings(deadline=None)
@given(every_code)
def test_may_be_sent_agrees_with_what_the_websockets_library_accepts(code: int) -> None:
    try:
        Close(code, "").check()
    except ProtocolError:
        accepted = False
    else:
        accepted = True
    assert lookup(code).may_be_sent == accepted


@settings(deadline=None)
@given(every_code)
def test_page_may_send_only_what_may_be_sent_at_all(code: int) -> None:
    entry = lookup(code)
    assert entry.page_may_send == (code == 1000 or code in range(3000, 5000))
    assert entry.may_be_sent or not entry.page_may_send


def test_observer_reports_the_codes_that_rfc_6455_forbids_to_send() -> None:
    assert {code for code, entry in REGISTRY.items() if entry.sent_by == "observer"} == {1005, 1006, 1015}


def test_sent_by_one_side_only_where_the_definition_says_so() -> None:
    one_sided = {code: entry.sent_by for code, entry in REGISTRY.items() if entry.sent_by in ("server", "client")}
    assert one_sided == {1010: "client", 1012: "server", 1013: "server", 1014: "server"}


@pytest.mark.parametrize("code", one_of_each_kind)
def test_retry_reason_begins_with_the_verdict(code: int) -> None:
    entry = lookup(code)
    opening = {True: "Yes", False: "No", None: "It depends"}[entry.is_retryable]
    assert entry.explanation.retry.text.startswith(opening)


def test_retry_the_two_codes_of_the_kit() -> None:
    assert lookup(1009).is_retryable is False
    assert lookup(1012).is_retryable is True


def test_first_delay_is_given_only_where_a_source_states_one() -> None:
    stated = {code: entry.first_delay_s for code, entry in REGISTRY.items() if entry.first_delay_s}
    assert stated == {1006: (0, 5), 1012: (5, 30)}


@pytest.mark.parametrize("code", one_of_each_kind)
def test_example_reason_exists_and_fits_where_the_code_may_be_sent(code: int) -> None:
    entry = lookup(code)
    reason = entry.explanation.example_reason
    assert (reason is not None) == entry.may_be_sent
    if reason is not None:
        assert 0 < len(reason.encode()) <= MAX_REASON_BYTES


@pytest.mark.parametrize("code", one_of_each_kind)
def test_every_statement_has_a_source_that_can_be_followed(code: int) -> None:
    for statement in claims(lookup(code).explanation):
        assert statement.sources, statement.text
        assert all(isinstance(source, Lesson) or source.url.startswith("https://") for source in statement.sources)


@pytest.mark.parametrize("code", one_of_each_kind)
def test_every_section_is_written(code: int) -> None:
    words = lookup(code).explanation
    assert words.cause
    assert words.when_seen
    assert words.how_to_fix
    assert all(statement.text.endswith(".") for statement in claims(words))


@pytest.mark.parametrize("section", ["cause", "description", "when_seen", "how_to_fix", "when_to_use", "retry"])
def test_no_section_is_the_same_for_two_codes(section: str) -> None:
    texts = Counter(getattr(words, section) for words in EXPLANATIONS.values())
    assert [text for text, times in texts.items() if times > 1] == []


def test_close_code_is_frozen() -> None:
    entry: CloseCode = lookup(1009)
    with pytest.raises(AttributeError):
        entry.code = 1012  # type: ignore[misc]
