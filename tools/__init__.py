"""Tools of the development that are no tests: python -m tools.<name>."""
