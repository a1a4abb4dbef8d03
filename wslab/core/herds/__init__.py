"""The parts of the simulated herd (`wslab.core.herds.simulate`): scenario, capacity, draws, and what came of it."""
