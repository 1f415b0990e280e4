"""The root of every error that Klankbord raises on purpose, and the errors of `models/`."""


class KlankbordError(Exception):
    """Something that a person can put right; the message is one line that says how.

    The command line prints the message and ends with exit code 1.
    """


class ModelFileDamaged(KlankbordError):
    """A model file is there but is not what it should be."""


class UnknownModel(KlankbordError):
    """No model of that name can be found."""


class NoDiskSpace(KlankbordError):
    """A model could not be written because the disk is full."""


class CacheNotWritable(KlankbordError):
    """The folder that models are unpacked into cannot be written."""


class HubExtraMissing(KlankbordError):
    """A model other than the bundled one needs packages that are not installed."""
