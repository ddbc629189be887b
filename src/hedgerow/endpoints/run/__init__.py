"""Running an endpoint: definitions and compiled queries in memory, one query of the engine, its bytes in the answer."""
