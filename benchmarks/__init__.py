"""Programs that measure the package beside its peers."""
