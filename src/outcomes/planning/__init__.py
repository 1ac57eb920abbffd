"""Before the data: what a study can show, and what its analysis says where nothing happens."""
