"""What every HTTP route needs: access, errors, pages, throttles, logs, metrics."""
