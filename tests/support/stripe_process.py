"""`python -m tests.support.stripe_process serve`: Hedgerow, with Stripe's API where HEDGEROW_TEST_STRIPE_URL says."""

import os

from hedgerow.cli import main
from hedgerow.connectors.apis import stripe

stripe.BASE_URL = os.environ["HEDGEROW_TEST_STRIPE_URL"]

if __name__ == "__main__":
    main()
