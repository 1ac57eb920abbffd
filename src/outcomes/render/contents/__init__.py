"""What stands in a report: each module turns a study or an answer into blocks."""
