"""The ClickHouse settings every query runs under, and how a query's limits become settings."""

from collections.abc import Mapping

from hedgerow.engine.result import Limits, LocalFile

OUTPUT: Mapping[str, str | int] = {
    "date_time_output_format": "iso",
    "output_format_json_quote_64bit_integers": 0,
    "output_format_json_quote_64bit_floats": 0,
    "output_format_json_quote_denormals": 0,
    "output_format_json_quote_decimals": 0,
    "output_format_json_escape_forward_slashes": 0,
    "output_format_json_validate_utf8": 1,
}

# What the embedded engine answers under: told to a connection once, as each setting of a query takes it 0.02 ms.
# An answer of few rows is written by the thread that has them, and read by the one that wants them: to wake others
# takes 0.2 and 0.1 ms. With one SELECT of one table, looking for columns that steps of the plan hand on in vain finds
# none, and takes 0.1 ms.
ANSWERING: Mapping[str, str | int] = {
    "output_format_parallel_formatting": 0,
    "local_filesystem_read_method": "pread",
    "query_plan_remove_unused_columns": 0,
}
_SEVERAL: Mapping[str, str | int] = {"query_plan_remove_unused_columns": 1}
# Long answers, and tables made of queries: there all threads are worth waking.
LASTING: Mapping[str, str | int] = {
    "output_format_parallel_formatting": 1,
    "local_filesystem_read_method": "pread_threadpool",
    "query_plan_remove_unused_columns": 1,
}

# How Arrow batches come: as plain as they can, for whoever writes them out anew.
ARROW: Mapping[str, str | int] = {
    "output_format_arrow_string_as_string": 1,
    "output_format_arrow_low_cardinality_as_dictionary": 0,
    "output_format_arrow_date_as_uint16": 0,
    "output_format_arrow_compression_method": "none",
}

# The embedded engine keeps no such logs; each query would still prepare its lines for them.
UNLOGGED: Mapping[str, str | int] = {
    "log_queries": 0,
    "log_query_settings": 0,
    "log_query_views": 0,
    "log_profile_events": 0,
    "log_processors_profiles": 0,
}

# Deletions of ours, by keys, fit their tables; to plan each once more beforehand takes a seventh of its time.
DELETING: Mapping[str, str | int] = {"validate_mutation_query": 0}

# A join gives NULL for what is not there, and NULL IN (NULL) is true.
READING: Mapping[str, str | int] = {
    "join_use_nulls": 1,
    "transform_null_in": 1,
    "max_ast_elements": 4_000_000,
    "max_expanded_ast_elements": 4_000_000,
    "max_query_size": 16 << 20,
    "timeout_before_checking_execution_speed": 0,
    # Buckets that users name: no redirect may lead inside; the Rust reader of Delta tables follows them regardless.
    "s3_max_redirects": 0,
    "s3_retry_attempts": 3,
    "allow_delta_kernel_rs": 0,
}

# Writing a table from a query: what is too large to group or sort in memory goes to disk.
WRITING: Mapping[str, str | int | float] = {
    "max_bytes_before_external_group_by": 1 << 30,
    "max_bytes_before_external_sort": 1 << 30,
    "distributed_aggregation_memory_efficient": 1,
}

FILES: Mapping[str, str | int] = {
    "schema_inference_make_columns_nullable": 1,
    "input_format_try_infer_dates": 1,
    "input_format_try_infer_datetimes": 1,
    "input_format_csv_allow_variable_number_of_columns": 0,
    "input_format_csv_empty_as_default": 1,
    "input_format_csv_use_best_effort_in_schema_inference": 1,
    "input_format_allow_errors_num": 0,
    # Small blocks, read without mapping the file: 350 MB of CSV take 117 MB in place of 833, and a fifth less time.
    "storage_file_read_method": "pread",
    "min_chunk_bytes_for_parallel_parsing": 1 << 20,
    "min_insert_block_size_bytes": 8 << 20,
    "min_insert_block_size_rows": 65_536,
    "max_insert_threads": 1,
    "max_threads": 2,
}


def of_file(file: LocalFile) -> dict[str, str | int]:
    """What a local file is read under."""
    return {**FILES, "format_csv_allow_double_quotes": int(file.double_quotes)}


def of_answer(sql: str) -> Mapping[str, str | int]:
    """What a query is answered under in one piece, beside `ANSWERING`."""
    return {} if sql.count("SELECT") == 1 and "JOIN" not in sql else _SEVERAL


def of_limits(limits: Limits) -> dict[str, str | int | float]:
    """`Limits` as ClickHouse settings."""
    settings: dict[str, str | int | float] = {}
    if limits.seconds is not None:
        settings["max_execution_time"] = limits.seconds
    if limits.memory_bytes is not None:
        settings["max_memory_usage"] = limits.memory_bytes
    if limits.max_rows is not None:
        settings["max_result_rows"] = limits.max_rows
        settings["result_overflow_mode"] = "throw"
    return settings


def clause(settings: Mapping[str, str | int | float]) -> str:
    """` SETTINGS a = 1, b = 'x'`; our own names and values only."""
    return f" SETTINGS {listed(settings)}" if settings else ""


def listed(settings: Mapping[str, str | int | float]) -> str:
    """`a = 1, b = 'x'`."""
    return ", ".join(f"{name} = {_literal(value)}" for name, value in settings.items())


def _literal(value: str | float) -> str:
    if isinstance(value, str):
        return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
    return str(value)
