"""Listeners and commands: each reads an interaction or event, calls one service, and renders the answer."""
