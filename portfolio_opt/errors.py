"""What a caller can catch, by cause. Each cause has one exit code on the command line."""


class PortfolioError(Exception):
    """A refusal that says what, where, what was found and what to do; never a bug."""

    exit_code = 1


class InvalidInput(PortfolioError):
    """Usage, configuration or data that cannot be read with certainty."""

    exit_code = 2


class NoSolution(PortfolioError):
    """The question is clear, but no portfolio answers it."""

    exit_code = 3


class EnvironmentTrouble(PortfolioError):
    """The disk, a missing optional package or the memory stands in the way."""

    exit_code = 4
