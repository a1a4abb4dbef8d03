"""The parts of the limit search (`wslab.core.search`): what is tried, what it proves, and how the finding is told."""
