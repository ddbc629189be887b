"""Endpoints: queries published as named, versioned HTTP routes."""
