"""Commands of `python -m envs` that are more than a few lines."""
