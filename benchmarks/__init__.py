"""What has to be fast, measured."""
