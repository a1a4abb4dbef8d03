"""Thousands of real clients on this machine: callers use `herd`; the program `worker` holds the clients.

workers      one worker, as the herd sees it
herding      its clients: connected, away, or due
destination  where they connect to, and from which addresses
readiness    their event loop: sockets, handlers, deadlines
attempt      one attempt, until it opens or fails: RFC 6455 at the least cost
held         one open connection, until it ends
conversing   one that greets the server or answers it
ledger       the records, packed until the run is over
cluster      the workers on a Dask cluster, and `outpost` the process there
"""
