"""The operator console and the public pages: two ASGI apps over one installation."""
