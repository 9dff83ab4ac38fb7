"""The environments in other people's libraries: one file for each, none of which is imported before it is asked for.

They need nothing but `envs.problem(task, seed, split)` and `task.score(text, answer)`; docs/ADAPTERS.md has the lines
that a user types.
"""
