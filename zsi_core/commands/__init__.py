"""One file per `zsi` command."""
