"""The meaning of close codes: registry, cards, explanations, sources and languages."""
