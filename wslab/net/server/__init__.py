"""The lab server: `LabServer` and `LabFleet`, the child process that they start, and how they speak with it."""
