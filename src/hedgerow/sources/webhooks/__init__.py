"""Webhooks of sources: arranged with remotes, their deliveries taken, and applied to tables by jobs."""
