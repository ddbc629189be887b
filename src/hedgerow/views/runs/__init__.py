"""Views made into tables: runs, the waves they come in, and what starts and ends them."""
