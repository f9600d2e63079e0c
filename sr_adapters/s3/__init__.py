"""Adapter: S3 and stores that speak it, for SR's truth and for engine roots.

boto3 is imported by these modules alone. A store's ways with conditional writes are found
by probing it once (`probe`), never by its name; every driver error becomes a port error at
one edge (`errors`).
"""
