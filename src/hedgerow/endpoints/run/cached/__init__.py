"""Answers of runs kept for a while: what they are known by, how they are kept, and one making for many askers."""
