"""Fixtures for S3-compatible buckets."""
