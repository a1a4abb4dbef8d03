"""Is my server right? One case per behaviour: what is done, what is expected and why, what was seen, and what to do."""

from wslab.checks.case import Case
from wslab.checks.restarting import Restarter
from wslab.checks.server import SERVER_CASES, check_server
from wslab.core.checks import Check, Result, differences

__all__ = ["SERVER_CASES", "Case", "Check", "Restarter", "Result", "check_server", "differences"]
