"""The passes from tree to tree, one module each, in the order `pipeline` lists them."""
