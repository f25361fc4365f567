"""Conversations: their messages in branches, their rules, and their export."""
