"""What everything else stands on: settings, the clock, folders, storages. It knows no exports."""
