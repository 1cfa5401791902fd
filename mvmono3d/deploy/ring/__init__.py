"""Frame sets in shared memory: one process writes, many read, and none waits for another."""
