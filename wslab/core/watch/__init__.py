"""What a watch does with its clients, and why: the groups, and the bounds that they keep."""
