"""Thousands of real clients on this machine: `herd` is for their caller, `worker` is the program that holds them.

workers      one worker, as the herd sees it
herding      its clients: who is connected, who is away, who is due
destination  where they connect to, and from which addresses
readiness    the loop that they live on: sockets, handlers, deadlines
attempt      one attempt, until it is open or has failed: RFC 6455 at the least cost
held         one open connection, until it has ended
conversing   one on which a greeting is said, or something answered
ledger       the records, packed until the run is over
"""
