"""Uploaded tables: receiving a file, looking into it, loading it, and taking away what is replaced."""

from hedgerow.warehouse.uploads.loading import Upload, Uploads, upload_of
from hedgerow.warehouse.uploads.retiring import Leavings, Retirement

__all__ = ["Leavings", "Retirement", "Upload", "Uploads", "upload_of"]
