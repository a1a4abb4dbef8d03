"""The lab server: `LabServer`, `LabFleet`, and the child process that they start."""
