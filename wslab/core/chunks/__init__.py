"""The chunk protocol, without I/O: both ends of an upload that survives a restart."""
