"""A laboratory for WebSocket closures, above all 1009 Message Too Big and 1012 Service Restart."""

__version__ = "0.1.0"
