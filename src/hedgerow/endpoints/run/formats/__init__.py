"""Runs answered in other formats than JSON: chosen, written piece by piece, kept, sent."""
