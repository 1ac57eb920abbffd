"""The profiled likelihood of random effects, by elimination."""
