"""The channels that come with alertd; each is found by its entry point, like any plugin's."""
