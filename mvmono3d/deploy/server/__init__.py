"""The pose stream: what the loop publishes, and the process that hands it to clients."""
