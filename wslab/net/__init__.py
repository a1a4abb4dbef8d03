"""Sockets: servers, clients, the probe and the herd; records come out, nothing is drawn."""
