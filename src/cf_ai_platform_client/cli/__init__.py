"""The command line `cf-ai`: one module a command, over the public API."""
