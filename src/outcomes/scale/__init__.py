"""Studies too large to hold: folders of Parquet parts, written and read part by part."""
