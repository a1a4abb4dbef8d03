"""What others recorded, read into the records that the experiments write: packets, a HAR, a text, a saved run.

Everything here enters at records (`wslab.core.records`), so that tables, figures, findings and reports cannot tell a
capture from a measurement. Nothing in a capture is trusted: every reader is bounded in memory, whatever the input says
of its own size, and states what it could not see (a beginning, an end, bytes) instead of guessing it.
"""
