"""What webhooks are, and the events they bring, until tables have them."""
