"""The nouns of the system, and the work: four stages and what they are made of."""
