"""Uploaded tables: receiving a file, looking into it, loading it, and taking away what is replaced."""

from hedgerow.warehouse.uploads.keeping import Keeping
from hedgerow.warehouse.uploads.loading import Upload, Uploads, upload_of
from hedgerow.warehouse.uploads.retiring import Leavings, Retirement
from hedgerow.warehouse.uploads.staging import Staging, Wish

__all__ = ["Keeping", "Leavings", "Retirement", "Staging", "Upload", "Uploads", "Wish", "upload_of"]
