"""What a relay can do to what passes it: its faults, and scripts that switch them. See `wslab.net.relay`."""
