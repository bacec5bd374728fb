"""The model behind a process boundary: `client` (no torch) asks, `server` answers in a child process.

`requests` and `replies` say what can be asked, `messages` how it travels.
"""
