"""The pair of drivers: they join mist/, location/ and driver/."""
