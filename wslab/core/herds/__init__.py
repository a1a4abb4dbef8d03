"""The simulated herd (`wslab.core.herds.simulate`): scenario, capacity, draws, outcome and summary."""
