"""The control bus on Kinesis."""
