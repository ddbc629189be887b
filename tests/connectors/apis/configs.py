"""A configuration for each vendor's API."""

from typing import Any

CONFIGS: dict[str, dict[str, Any]] = {
    "Github": {
        "auth_method": {"selection": "pat", "personal_access_token": "github_pat_good"},
        "repository": "acme/shop",
    },
    "Hubspot": {"access_token": "pat-eu1-good"},
    "Stripe": {"auth_method": {"selection": "api_key", "stripe_secret_key": "sk_test_1"}},
    "Zendesk": {"subdomain": "acme", "email_address": "admin@example.com", "api_key": "zendesk-good"},
}
