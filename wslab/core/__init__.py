"""What needs no socket, clock, table or widget: same input, same output."""
