"""What an endpoint takes and answers, as an OpenAPI document of its own."""
