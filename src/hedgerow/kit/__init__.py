"""The kit: errors, clock, ids, settings and pages that every room may use."""
