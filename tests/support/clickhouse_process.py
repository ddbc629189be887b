"""Runs one ClickHouse node out of the library, until its standard input ends: `process.py LIBRARY ARGUMENT…`."""

import ctypes
import faulthandler
import os
import sys
import threading


def _end_with_the_parent() -> None:
    sys.stdin.read()
    os._exit(0)


def main() -> None:
    faulthandler.enable()
    threading.Thread(target=_end_with_the_parent, daemon=True).start()
    library = ctypes.CDLL(sys.argv[1])
    query = (
        "SYSTEM START LISTEN HTTP; SYSTEM START LISTEN TCP; SELECT sleepEachRow(1) FROM system.numbers "
        "SETTINGS max_block_size = 1, function_sleep_max_microseconds_per_block = 0 FORMAT Null"
    )
    arguments = ["clickhouse-local", *sys.argv[2:], "--query", query]
    made = (ctypes.c_char_p * len(arguments))(*[argument.encode() for argument in arguments])
    library.chdb_query_cmdline.restype = ctypes.c_void_p
    library.chdb_result_error.restype = ctypes.c_char_p
    library.chdb_result_error.argtypes = [ctypes.c_void_p]
    # It returns only when the query that never ends has failed.
    print(library.chdb_result_error(library.chdb_query_cmdline(len(arguments), made)))


if __name__ == "__main__":
    main()
