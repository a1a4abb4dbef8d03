"""The exercises of the lessons: their checks, their mystery servers, and a learner's progress.

`exercises` checks answers, `policy_exercises` checks policies, `mysteries` has servers whose secret depends on a seed,
`checked` is the result of every check, and `progress` records which lessons' checks have passed.
"""

from wslab.course.checked import Checked
from wslab.course.exercises import (
    check_announced_restart,
    check_bystanders,
    check_code_arrives,
    check_page_is_told,
    check_pair,
    check_pieces,
    check_recommended_clients,
)
from wslab.course.mysteries import CAUSES, check_cause, check_limit_shown, mystery_clock, mystery_server
from wslab.course.policy_exercises import check_gentle_return, check_polite_policy, check_rule

__all__ = [
    "CAUSES",
    "Checked",
    "check_announced_restart",
    "check_bystanders",
    "check_cause",
    "check_code_arrives",
    "check_gentle_return",
    "check_limit_shown",
    "check_page_is_told",
    "check_pair",
    "check_pieces",
    "check_polite_policy",
    "check_recommended_clients",
    "check_rule",
    "mystery_clock",
    "mystery_server",
]
