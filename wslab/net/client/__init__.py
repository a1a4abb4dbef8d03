"""One client that tells the truth: its connection, its exchanges, and its reconnect loop."""
