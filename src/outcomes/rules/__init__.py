"""Rules that a study is checked against: one function a rule, its text in `rules.toml`."""
