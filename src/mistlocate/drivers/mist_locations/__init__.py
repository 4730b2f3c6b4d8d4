"""MistLocations: building and level of people and devices, for whoever asks."""
