"""A million payments, the same every time: what runs of endpoints are measured over."""

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

ROWS, CUSTOMERS = 1_000_000, 100_000


def payments() -> pa.Table:
    """Numbers scattered by multiplication: the same rows every time."""
    ids = pa.array(range(ROWS), pa.int64())

    def scattered(factor: int, below: int) -> Any:
        product = pc.multiply(ids, factor)
        return pc.subtract(product, pc.multiply(pc.divide(product, below), below))

    countries = pa.array([f"country {n}" for n in range(50)])
    starts = pa.scalar(1_700_000_000, pa.int64())
    return pa.table(
        {
            "id": ids,
            "customer_id": scattered(7919, CUSTOMERS),
            "country": pc.take(countries, scattered(104_729, 50)),
            "amount": pc.divide(scattered(1_299_709, 1_000_000).cast(pa.float64()), 100.0),
            "quantity": scattered(31, 10),
            "ts": pc.add(scattered(15_485_863, 10_000_000), starts).cast(pa.timestamp("s")),
        }
    )
