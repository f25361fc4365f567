"""Keys, as a client makes and changes them."""

from __future__ import annotations

from desktop.core.client.transport import Json, Transport


class KeyCalls(Transport):
    """Calls about keys. A policy has the fields of `key_policy.KeyPolicy`."""

    def list_keys(self) -> list[Json]:
        """Each with its policy, when it was last used, and "now": what it has used of it."""
        found: list[Json] = self.call("GET", "/keys")["keys"]
        return found

    def create_key(self, name: str, policy: Json | None = None) -> Json:
        """The key as it is listed, and "key": itself, this once."""
        return self._post("/keys", {"name": name, "policy": policy or {}})

    def change_key(self, name: str, changes: Json) -> Json:
        """Change fields of its policy; None takes a limit away."""
        return self._post("/keys/change", {"name": name, "policy": changes})

    def revoke_key(self, name: str) -> Json:
        return self._post("/keys/revoke", {"name": name})
