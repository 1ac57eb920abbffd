"""One description of tables, columns, units, ranges and instruments, used by everything."""
