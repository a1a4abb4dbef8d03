"""A server and a client to practise on, both wrong on purpose, and tried as one tries one's own."""

from wslab.pair.trying import CLIENT, SERVER, listening, try_client, try_server, watch_pair

__all__ = ["CLIENT", "SERVER", "listening", "try_client", "try_server", "watch_pair"]
