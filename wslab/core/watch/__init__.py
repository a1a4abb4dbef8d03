"""A watch: the control groups of its clients, and the verdict of a clock search."""
