"""What a ClickHouse server needs beside the protocol: its address, its nodes, samples of local files."""
