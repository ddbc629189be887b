"""Accounts: users, organizations, projects and the keys that open them."""
