"""Parts of build_installer.py, and the entry of what it builds."""
