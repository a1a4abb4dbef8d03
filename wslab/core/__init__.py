"""Pure code, without sockets, clocks, tables or widgets: same input, same output."""
