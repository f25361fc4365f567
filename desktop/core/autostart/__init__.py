"""Having the system start the server: written for systemd, launchd and Windows' task scheduler."""
