"""Anthropic's API: messages, token counts and the list of models, over the same engines."""
