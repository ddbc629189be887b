"""Loads a PostgreSQL table into Parquet with dlt, as a stream of connectorx: `dlt_process.py URL TABLE FOLDER`."""

import os
import sys
import time


def main() -> None:
    url, table, folder = sys.argv[1:]
    os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
    os.environ["RUNTIME__LOG_LEVEL"] = "CRITICAL"
    import dlt
    from dlt.sources.sql_database import sql_table

    place = dlt.destinations.filesystem(bucket_url=f"file://{folder}/lake")
    pipeline = dlt.pipeline("bench", destination=place, dataset_name="bench", pipelines_dir=f"{folder}/state")
    began = time.perf_counter()
    rows = sql_table(
        credentials=url.replace("postgresql://", "postgresql+psycopg2://", 1),
        table=table,
        backend="connectorx",
        chunk_size=100_000,
        backend_kwargs={"conn": url, "return_type": "arrow_stream"},
    )
    pipeline.run(rows, loader_file_format="parquet", write_disposition="replace")
    seconds = time.perf_counter() - began
    print(pipeline.last_trace.last_normalize_info.row_counts[table], seconds)


if __name__ == "__main__":
    main()
