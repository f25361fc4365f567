"""Chat: conversations, their messages, and the place to write."""
