"""Where uploaded files are kept: a protocol, a folder and S3-compatible buckets."""
