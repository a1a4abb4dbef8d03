"""The clients of a watch, which live their roles; what they see goes to a file as it happens."""
