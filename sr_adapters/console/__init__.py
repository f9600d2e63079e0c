"""The console: pages about runs, made on the server from templates, and a run's page as one file."""
