"""From files to a valid Study: reading, column maps, cleaning, checks, the entry template."""
