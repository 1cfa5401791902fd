"""What runs an exported graph on this machine."""
