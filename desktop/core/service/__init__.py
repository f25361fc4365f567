"""The service: supervisor of engines, gateway of requests, owner of all state."""
