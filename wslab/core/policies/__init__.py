"""When to come back: what a policy is, the textbook's policies, and those of well-known libraries."""
