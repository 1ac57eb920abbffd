"""Write every page that is made from the code: `python run.py pages`."""

from docs.make import errors, instruments, simulation

for pages in (errors, instruments, simulation):
    pages.main()
