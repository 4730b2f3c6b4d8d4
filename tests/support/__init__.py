"""What tests share: time that can be bent, engines against the simulated cloud, waiting for conditions."""
