"""Everything that can go wrong and that the person asking can mend.

AssistantError
├── SettingsError          a setting that cannot be used
├── CorpusError            articles that cannot be read, or none at all
│   └── DuplicateIdError   two different articles under one id
├── IndexStateError        an index that cannot be used as it is
│   ├── IndexMissingError  there is none
│   ├── IndexMismatchError made by another model or version
│   └── IndexDamagedError  its parts do not agree
├── ModelError             model weights that are missing or not the expected ones
│   └── LanguageModelError a language model that cannot be used, or did not answer
├── QuestionError          a question or history that cannot be asked
├── FilterError            a filter that cannot be applied
├── BusyError              more questions at once than can wait
└── NotebookError          conversations that cannot be kept or found

Each message says what was found, what was expected and what to do.  The command
line prints it without a traceback and exits with the class's `exit_code`.
"""


class AssistantError(Exception):
    """Base of the tree: catch this to catch all that a user can mend."""

    exit_code = 1
    """Exit status of the command line when this ends it."""


class SettingsError(AssistantError):
    """A setting that cannot be used."""

    exit_code = 2


class CorpusError(AssistantError):
    """Articles that cannot be read, or none at all."""

    exit_code = 3


class DuplicateIdError(CorpusError):
    """Two different articles under one id."""


class IndexStateError(AssistantError):
    """An index that cannot be used as it is."""

    exit_code = 4


class IndexMissingError(IndexStateError):
    """There is no index where one was expected."""


class IndexMismatchError(IndexStateError):
    """The index was made by another model or by another version."""


class IndexDamagedError(IndexStateError):
    """The parts of the index do not agree with each other."""


class ModelError(AssistantError):
    """Model weights that are missing or are not the expected ones."""

    exit_code = 5


class LanguageModelError(ModelError):
    """A language model that cannot be used, or did not answer.

    The message never holds what a provider wrote, for that may repeat keys and articles.
    """


class QuestionError(AssistantError):
    """A question or a history that cannot be asked."""

    exit_code = 2


class FilterError(AssistantError):
    """A filter that cannot be applied."""

    exit_code = 2


class BusyError(AssistantError):
    """More questions were asked at once than can wait."""


class NotebookError(AssistantError):
    """Conversations that cannot be kept or found."""
