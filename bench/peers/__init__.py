"""Other tools on the same work, each in an environment of its own."""


def main() -> None:
    """Servers of endpoints; the tools for views and syncs are measured where ours are."""
    # Here, for the others need none of what it imports.
    from bench.peers import serving

    serving.main()
