"""The audit log: how entries are recorded, signed, sealed, anchored, verified and removed."""
