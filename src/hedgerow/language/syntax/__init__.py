"""One grammar for HogQL and Hog: tokens, lexer, nodes, parser, visitor, format, errors."""
