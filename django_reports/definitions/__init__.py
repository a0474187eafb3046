"""What projects declare and ask for: reports, columns, kinds, parameters, selections, specs."""
