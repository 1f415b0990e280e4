"""The edges of the program: the command line."""
