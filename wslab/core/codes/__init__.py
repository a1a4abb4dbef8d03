"""What the close codes mean: the registry, the cards, their explanations, sources and languages."""
