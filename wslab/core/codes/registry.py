"""The close codes: one table of facts, and `lookup` for any number from 0 to 65535.

The facts follow the IANA registry, RFC 6455 §7.4 and, for 1012 to 1014, the messages that registered them; texts and
sources are in `wslab.core.codes.explanations`. Whether to reconnect is a judgement, since the protocol leaves it open
(RFC 6455 §7.4). It is made here, once, for every policy, check and report.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from wslab.core.codes.explanations import EXPLANATIONS, CodeExplanation
from wslab.core.errors import BadTypeError, BadValueError

DefinedBy = Literal["rfc6455", "hybi", "registry", "agreement", "nobody"]
SentBy = Literal["either", "server", "client", "observer", "nobody"]
CausedBy = Literal["closer", "recipient", "upstream", "unknown", "nobody"]


class CloseCode(msgspec.Struct, frozen=True):
    """The facts of one close code, registered or not.

    Fields:
        code: the number in the close frame, 0 to 65535.
        name: as registered; for an unregistered code, the purpose of its range.
        defined_by: "rfc6455"; "hybi": a message to the working group's list after the RFC, unknown to some libraries;
            "registry": a name without a definition; "agreement": of library or application.
        sent_by: who may put it into a close frame; "observer": never sent, but reported by the side that sees the
            closure (RFC 6455 §7.1.5, §7.4.1).
        caused_by: who caused the closure: the "closer", who sends the code; the "recipient", whose conduct or identity
            it refuses; a server "upstream" of a gateway; "unknown" from the code alone.
        is_retryable: may a client reconnect and go on as before? None: the code alone does not say.
        first_delay_s: bounds, in seconds, of the random delay before the first attempt, if a source states them:
            1012's definition, and RFC 6455 §7.2.3 for a connection that ended abnormally.
        explanation: the same in words, with sources.
    """

    code: int
    name: str
    defined_by: DefinedBy
    sent_by: SentBy
    caused_by: CausedBy
    is_retryable: bool | None
    first_delay_s: tuple[float, float] | None
    explanation: CodeExplanation

    @property
    def label(self) -> str:
        """The code and its name, for a heading or a legend: `1009 Message Too Big`."""
        return f"{self.code} {self.name}"

    @property
    def may_be_sent(self) -> bool:
        """Whether a close frame may carry it at all."""
        return self.sent_by in ("either", "server", "client")

    @property
    def page_may_send(self) -> bool:
        """Whether a page's `WebSocket.close()` takes it; otherwise that raises InvalidAccessError (WHATWG)."""
        return self.code == 1000 or 3000 <= self.code <= 4999


_Key = int | range
_Facts = tuple[str, DefinedBy, SentBy, CausedBy, bool | None, tuple[float, float] | None]

# The formatter would destroy the columns, by which a table is read.
# fmt: off
_TABLE: dict[_Key, _Facts] = {
    # code               name                          defined by   sent by     caused by    retry  first delay
    1000:               ("Normal Closure",             "rfc6455",   "either",   "nobody",    False, None),
    1001:               ("Going Away",                 "rfc6455",   "either",   "closer",    True,  None),
    1002:               ("Protocol error",             "rfc6455",   "either",   "recipient", False, None),
    1003:               ("Unsupported Data",           "rfc6455",   "either",   "recipient", False, None),
    1004:               ("Reserved",                   "nobody",    "nobody",   "unknown",   None,  None),
    1005:               ("No Status Rcvd",             "rfc6455",   "observer", "unknown",   None,  None),
    1006:               ("Abnormal Closure",           "rfc6455",   "observer", "unknown",   None,  (0, 5)),
    1007:               ("Invalid frame payload data", "rfc6455",   "either",   "recipient", False, None),
    1008:               ("Policy Violation",           "rfc6455",   "either",   "recipient", False, None),
    1009:               ("Message Too Big",            "rfc6455",   "either",   "recipient", False, None),
    1010:               ("Mandatory Ext.",             "rfc6455",   "client",   "recipient", False, None),
    1011:               ("Internal Error",             "rfc6455",   "either",   "closer",    None,  None),
    1012:               ("Service Restart",            "hybi",      "server",   "closer",    True,  (5, 30)),
    1013:               ("Try Again Later",            "hybi",      "server",   "closer",    None,  None),
    1014:               ("Bad Gateway",                "hybi",      "server",   "upstream",  True,  None),
    1015:               ("TLS handshake",              "rfc6455",   "observer", "unknown",   False, None),
    3000:               ("Unauthorized",               "registry",  "either",   "recipient", False, None),
    3003:               ("Forbidden",                  "registry",  "either",   "recipient", False, None),
    3008:               ("Timeout",                    "registry",  "either",   "recipient", True,  None),
    range(1000):        ("Not used",                   "nobody",    "nobody",   "unknown",   None,  None),
    range(1000, 3000):  ("Unassigned",                 "nobody",    "nobody",   "unknown",   None,  None),
    range(3000, 4000):  ("Unregistered",               "agreement", "either",   "unknown",   None,  None),
    range(4000, 5000):  ("Private use",                "agreement", "either",   "unknown",   None,  None),
    range(5000, 65536): ("Out of range",               "nobody",    "nobody",   "unknown",   None,  None),
}
# fmt: on


def _close_code(code: int, key: _Key) -> CloseCode:
    return CloseCode(code, *_TABLE[key], EXPLANATIONS[key])


REGISTRY: dict[int, CloseCode] = {key: _close_code(key, key) for key in _TABLE if isinstance(key, int)}
"""Every code that is registered individually, in ascending order."""


def lookup(code: int) -> CloseCode:
    """Return the facts of a close code; an unregistered code has the meaning of its range.

    Args:
        code: 0 to 65535, as two bytes of a close frame can hold (RFC 6455 §5.5.1).

    Raises:
        TypeError: `code` is not a whole number.
        ValueError: `code` does not fit into two bytes.

    >>> lookup(1012).label, lookup(1012).is_retryable, lookup(1012).first_delay_s
    ('1012 Service Restart', True, (5, 30))
    >>> lookup(4321).label
    '4321 Private use'
    >>> lookup(-1)
    Traceback (most recent call last):
    ...
    wslab.core.errors.BadValueError: code is -1, but the two bytes of a close frame hold 0 to 65535; defined codes \
are 1000 to 4999
    """
    if isinstance(code, bool) or not isinstance(code, int):
        raise BadTypeError(f"code is {code!r}, but must be a whole number, such as 1009")
    if not 0 <= code <= 65535:
        raise BadValueError(
            f"code is {code}, but the two bytes of a close frame hold 0 to 65535; defined codes are 1000 to 4999"
        )
    if code in REGISTRY:
        return REGISTRY[code]
    return next(_close_code(code, key) for key in _TABLE if isinstance(key, range) and code in key)
