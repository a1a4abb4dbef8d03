"""What stands between clients and servers: `Relay`, which sees and bends what passes, and the `Switch` of a fleet."""
