"""Insight variables: named values that queries are parametrised with."""
