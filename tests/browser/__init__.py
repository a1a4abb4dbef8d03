"""Lessons and panels in a real JupyterLab, driven by a real browser; CONTRIBUTING says how to write such a test."""
