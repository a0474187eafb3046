"""Who may export what: permissions, policies, quotas, signed URLs, and the record of changes."""
