"""The routes of saved queries, saved joins and managed sets of views."""
