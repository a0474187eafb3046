"""An app that makes a worker wait where it is to be killed."""
