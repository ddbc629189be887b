"""A random workload on one table: every kind of change, some in one transaction, some rolled back."""

import random
from typing import Any

import psycopg

MAKE = """
    CREATE TABLE things (id int, part text, name text, price numeric(12, 2), made timestamptz, tags text[], big text,
        PRIMARY KEY (id, part));
    ALTER TABLE things ALTER big SET STORAGE EXTERNAL;
    CREATE TABLE others (id int PRIMARY KEY, amount bigint);
    INSERT INTO things SELECT i, 'p', 'name ' || i, i, now(), ARRAY['a', 'b'], repeat(md5(i::text), 200)
        FROM generate_series(1, 200) i;
    INSERT INTO others SELECT i, 0 FROM generate_series(1, 50) i
"""
TELL = """
    CREATE TABLE told (id int, part text, op text);
    CREATE FUNCTION tell() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP = 'TRUNCATE' THEN
            INSERT INTO told SELECT id, part, 'D' FROM things;
        ELSIF TG_OP = 'UPDATE' AND (NEW.id, NEW.part) = (OLD.id, OLD.part) THEN
            INSERT INTO told VALUES (NEW.id, NEW.part, 'U');
        ELSE
            IF TG_OP <> 'INSERT' THEN INSERT INTO told VALUES (OLD.id, OLD.part, 'D'); END IF;
            IF TG_OP <> 'DELETE' THEN INSERT INTO told VALUES (NEW.id, NEW.part, 'I'); END IF;
        END IF;
        RETURN NULL;
    END $$;
    CREATE TRIGGER tell_rows AFTER INSERT OR UPDATE OR DELETE ON things FOR EACH ROW EXECUTE FUNCTION tell();
    CREATE TRIGGER tell_emptied BEFORE TRUNCATE ON things EXECUTE FUNCTION tell()
"""
"""Writes down each change of `things`, as its history is to tell it."""
OURS = "select id, part, name, toFloat(price), made, tags, big from postgres_things limit 50000"
THEIRS = """select id, part, name, price::float, to_char(made AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
    tags, big from things"""


class Workload:
    """`step` does one transaction of random changes; the same seed does the same."""

    def __init__(self, database: psycopg.Connection[Any], seed: int) -> None:
        self._database, self._chance, self._next = database, random.Random(seed), 1000

    def step(self) -> None:
        """One transaction; one in ten is rolled back."""
        self._database.execute("BEGIN")
        try:
            for _ in range(self._chance.randint(1, 8)):
                self._database.execute(*self._change())
        except psycopg.errors.UniqueViolation:  # a key that is taken: all of it is undone
            self._database.execute("ROLLBACK")
        else:
            self._database.execute("ROLLBACK" if self._chance.random() < 0.1 else "COMMIT")

    def _change(self) -> tuple[str, list[Any]]:
        chance = self._chance
        low = chance.randint(1, self._next)
        many = [low, low + chance.randint(0, 40)]
        kind = chance.choices(range(8), [30, 30, 10, 8, 8, 6, 20, 0.3])[0]
        if kind == 0:
            self._next += 3
            text = chance.choice([None, "", "small", "é🦔" * 2000])
            insert = "INSERT INTO things SELECT i, 'p', %s, %s, now(), NULL, %s FROM generate_series(%s::int, %s) i"
            return insert, [text and text[:20], chance.randint(-9999, 9999), text, self._next - 3, self._next - 1]
        if kind == 1:
            return "UPDATE things SET name = name || '+', price = price + 0.25 WHERE id BETWEEN %s AND %s", many
        if kind == 2:
            return "DELETE FROM things WHERE id BETWEEN %s AND %s", many
        if kind == 3:  # another key
            return "UPDATE things SET part = part || 'x' WHERE id BETWEEN %s AND %s AND length(part) < 9", many
        if kind == 4:  # keys that are handed on
            self._next += 50
            return "UPDATE things SET id = id + %s WHERE id BETWEEN %s AND %s", [self._next, *many]
        if kind == 5:
            return "UPDATE things SET big = repeat(md5(id::text || %s), 300) WHERE id BETWEEN %s AND %s", ["x", *many]
        if kind == 6:
            return "UPDATE others SET amount = amount + 1 WHERE id BETWEEN %s AND %s", [low % 50, low % 50 + 5]
        return "TRUNCATE things", []


def compared(rows: Any) -> list[list[Any]]:
    """Rows in one order; an array that is null is empty in the engine."""
    return sorted(([*row[:5], row[5] or [], row[6]] for row in rows), key=lambda row: (row[0], row[1]))
