"""What a driver is, whoever loads it. It knows no Mist."""
