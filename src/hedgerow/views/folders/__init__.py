"""Folders of saved queries: kept, changed and deleted."""
