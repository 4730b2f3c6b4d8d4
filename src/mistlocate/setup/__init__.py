"""Before an engine runs: making its settings, and checking them against the cloud."""
