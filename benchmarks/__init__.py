"""How fast exports are, beside other ways to the same file: `python -m benchmarks --help`."""
