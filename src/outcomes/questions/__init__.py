"""One module per clinical question; each returns an `Answer`. Everything else renders answers."""
