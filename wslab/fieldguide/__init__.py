"""Real servers, clients and proxies under observation, one small file a subject."""
