"""What helps to work on this repository and is no part of what is installed."""
