"""The lessons' exercises: what a learner is given, the check that says what is there or still missing, and progress.

`exercises` checks answers, `policy_exercises` those that are policies, `mysteries` has the servers whose secret a seed
decides, `checked` is what every check returns, and `progress` keeps which lessons' checks have passed.
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
