"""The clients of a watch, which play their roles, and the file to which their records are written as they happen."""
