"""What loads drivers."""
