"""Is my server right? Is my client right? One case per behaviour, with its expectation, its source and the evidence."""

from wslab.checks.case import Case
from wslab.checks.client import CLIENT_CASES, check_client
from wslab.checks.restarting import Restarter
from wslab.checks.server import SERVER_CASES, check_server
from wslab.core.checks import Check, Result, differences

__all__ = [
    "CLIENT_CASES",
    "SERVER_CASES",
    "Case",
    "Check",
    "Restarter",
    "Result",
    "check_client",
    "check_server",
    "differences",
]
