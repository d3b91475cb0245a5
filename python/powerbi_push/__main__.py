"""`python -m powerbi_push` is the command `powerbi-push`."""

from powerbi_push.cli import main

main()
