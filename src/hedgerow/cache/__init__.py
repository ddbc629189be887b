"""Short-lived shared state: a protocol, in-process memory and Redis."""
