"""The probe of a server's limit: frames by hand, and the shell that runs the search of `wslab.core.limits.search`."""
