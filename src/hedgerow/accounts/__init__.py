"""Accounts: users, organizations, projects and the keys that open them."""

from hedgerow.accounts.authentication import Accounts
from hedgerow.accounts.first_start import prepare

__all__ = ["Accounts", "prepare"]
