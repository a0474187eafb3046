"""From rows to bytes: the one pipeline, the rows that it reads and the writers that it feeds."""
