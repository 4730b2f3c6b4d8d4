"""What reads bytes of others, as functions that a fuzzer feeds: `targets.py`. `harness.py` runs one of them."""
