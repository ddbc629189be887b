"""Files in a bucket of any S3-compatible store."""

from hedgerow.connectors.s3.connector import S3Connector

__all__ = ["S3Connector"]
