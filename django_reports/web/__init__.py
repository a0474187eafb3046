"""HTTP: the pages, the JSON API and the responses that carry files."""
