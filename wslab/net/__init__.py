"""Sockets: servers, clients, the probe, the herd and the relay. They emit records and draw nothing."""
