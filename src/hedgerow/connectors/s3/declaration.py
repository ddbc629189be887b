"""What a source of files in a bucket asks for."""

from hedgerow.connectors.base import Declaration, Field, Option
from hedgerow.connectors.s3.place import hosts

DECLARATION = Declaration(
    source_type="AmazonS3",
    label="Amazon S3 and compatible",
    caption="CSV, JSON and Parquet files, Delta and Iceberg tables in a bucket of any S3-compatible store.",
    docs_url="docs/sources/s3.md",
    category="File storage",
    fields=(
        Field(
            "url",
            "Address",
            placeholder="s3://bucket/folder",
            caption="A folder whose folders and files are tables, some files (s3://bucket/logs/*.csv), or one.",
        ),
        Field(
            "endpoint",
            "Endpoint",
            required=False,
            placeholder="https://minio.example.com:9000",
            caption="Of a store that is not Amazon's.",
        ),
        Field("region", "Region", default="us-east-1", placeholder="us-east-1"),
        Field("access_key", "Access key", required=False, caption="Empty: the bucket is read as anybody may."),
        Field("secret_key", "Secret key", kind="password", required=False),
        Field("session_token", "Session token", kind="password", required=False, caption="Of keys for a while only."),
        Field(
            "tables",
            "Tables",
            kind="textarea",
            required=False,
            placeholder="orders = orders/**/*.csv",
            caption="One per line: a name and files or a folder below the address. Empty: each folder, each file.",
        ),
        Field(
            "format",
            "Format",
            kind="select",
            required=False,
            default="auto",
            options=(
                Option("auto", "By the files' names"),
                Option("csv", "CSV"),
                Option("json", "JSON, one object after the other or in a list"),
                Option("parquet", "Parquet"),
            ),
        ),
        Field("csv_delimiter", "CSV: delimiter", required=False, placeholder=",", caption="\\t is a tab."),
        Field("csv_quote", "CSV: quotation mark", required=False, default='"', caption='"none": there is none.'),
        Field("csv_header", "CSV: names in the first line", kind="switch", required=False, default=True),
        Field("csv_encoding", "CSV: encoding", required=False, default="utf-8"),
        Field(
            "addressing",
            "Where the bucket's name goes",
            kind="select",
            required=False,
            default="auto",
            options=(
                Option("auto", "As is usual"),
                Option("path", "Into the path"),
                Option("virtual", "In front of the host"),
            ),
        ),
    ),
    hosts=hosts,
    host_label="address",
    keywords=("s3", "bucket", "csv", "parquet", "json", "delta", "iceberg", "minio", "r2", "lake"),
)
