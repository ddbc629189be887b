"""HogQL and Hog: one syntax, a query compiler and (later) a program machine."""
