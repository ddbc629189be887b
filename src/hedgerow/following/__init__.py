"""Sources of a running server as its users see them at a terminal: made, found, and followed while they sync."""
