"""The client of a service: what the command line asks of a run authority that is on another machine.

Standard library and cattrs alone: a command that names a server needs no extra. Nothing here is imported without one.
"""
