"""mistlocate: finds people on Juniper Mist Wi-Fi for building-automation engines."""

__version__ = "0.1.0"
