"""JSON over HTTP: OpenAI's wire format under /v1, Hanlin's own resources under /api."""
