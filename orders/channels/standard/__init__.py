"""The generic signed webhook: Standard Webhooks 1.0.0 (the public specification of that name)."""
