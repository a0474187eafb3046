"""What is exported: a spec resolved for one user into rows, columns and a writer."""
