"""The parts of the simulated herd (`wslab.core.simulate`): scenario, capacity, draws, and what came of it."""
