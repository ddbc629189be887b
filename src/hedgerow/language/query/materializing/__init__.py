"""Exact materialization: which parts of a query become tables, how they are filled, and how the query reads them."""
