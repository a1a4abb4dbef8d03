"""The chunk protocol without any I/O: both ends of an upload that survives a restart."""
