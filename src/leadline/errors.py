"""The one exception that users meet: a message of one line with the value, what was expected and the next step."""


class LeadlineError(ValueError):
    """Something that the caller can mend. The command line prints the message alone, without a traceback."""
