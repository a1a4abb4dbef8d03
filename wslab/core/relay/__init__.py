"""A relay's faults, the scripts that switch them, and the rows that it prints. See `wslab.net.relay`."""
