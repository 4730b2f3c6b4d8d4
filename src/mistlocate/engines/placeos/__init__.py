"""Loaded by PlaceOS: the driver executables and everything between a driver and PlaceOS core."""
