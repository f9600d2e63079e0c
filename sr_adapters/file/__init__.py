"""Adapter: an object store and a control bus in folders, durable and safe between processes.

Both walk their folders one step at a time (`tree`), write through the same few durable
moves (`durable`), and turn what the system says into port errors at one edge (`errors`).
"""
