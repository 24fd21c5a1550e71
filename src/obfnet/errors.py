"""Every error obfnet raises on purpose: one root, one branch for each party who must act.

A message says what was found, what was expected, and what to do next.
"""


class ObfNetError(Exception):
    """Root of all errors of this package; a command line may print it bare."""


class SpecError(ObfNetError):
    """The author of the call or spec must change it."""


class UnknownNameError(SpecError):
    """No dataset, net, mechanism or attack is registered under this name."""


class OverlapError(SpecError):
    """Two parts that must be disjoint share samples or groups."""


class MissingExtraError(SpecError):
    """An optional package is needed and not installed."""


class ForgeError(ObfNetError):
    """The operator of the forge must act."""


class DataUnavailableError(ForgeError):
    """No source of a dataset could be reached."""


class DataCorruptError(ForgeError):
    """Bytes of a dataset differ from their published hash."""


class QueryBudgetError(ForgeError):
    """A live InfNet may be sent no more samples; what it has answered is kept."""


class InfNetChangedError(ForgeError):
    """The frozen model's parameters or buffers are no longer what they were."""


class ExportError(ForgeError):
    """An exported artefact does not answer as the original does."""


class NotForgeableError(ForgeError):
    """Of this InfNet there is no ObfNet as it was asked for; the same request ends the same way."""


class NotMeasurableError(ForgeError):
    """An audit cannot produce a number that means anything from this input."""


class StorageError(ForgeError):
    """A file could not be written; the previous one is intact."""


class DeviceError(ObfNetError):
    """The device's owner must act; nothing was sent."""


class SampleRejectedError(DeviceError):
    """A sample does not fit what the InfNet accepts."""


class BundleRejectedError(DeviceError):
    """A bundle is damaged, inconsistent or not for this device."""


class BundleUnsignedError(BundleRejectedError):
    """A bundle carries no signature, or one that is not of its manifest."""


class BundleUntrustedError(BundleRejectedError):
    """A bundle is signed by a key that this device has no reason to trust."""


class BundleExpiredError(BundleRejectedError):
    """A bundle's time is over, or has not begun by this device's clock."""


class BundleRolledBackError(BundleRejectedError):
    """A bundle is older than the one this device has had."""


class BundleMisdirectedError(BundleRejectedError):
    """A bundle is for another device, another set or another InfNet."""


class ObfuscationFailedError(DeviceError):
    """The obfuscated sample could not be made, so none was sent."""


class DeviceKeyError(DeviceError):
    """The device's own key is missing, damaged, or open to others."""


class DeviceStateError(DeviceError):
    """What the device remembers of its bundles is damaged; without it a rollback would pass."""


class TokenUnavailableError(DeviceError):
    """The token for the backend could not be had, or is none."""


class RawMessageError(DeviceError):
    """A raw sample was about to be kept on disk."""


class QueueLimitError(DeviceError):
    """The device's queue holds as much as it may; the newest message was not kept."""


class QueueDamagedError(DeviceError):
    """An entry of the device's queue is not what was written; it was skipped."""


class BackendError(ObfNetError):
    """The operator of the backend must act."""


class BackendUnavailableError(BackendError):
    """The backend gave no answer within the allowed attempts."""


class BackendUntrustedError(BackendError):
    """The backend could not prove that it is the one asked for, so it was sent nothing."""


class BackendRefusedError(BackendError):
    """The backend answered with an error."""


class BackendDeniedError(BackendRefusedError):
    """The backend wants another token or another client certificate."""


class MessageRefusedError(BackendRefusedError):
    """The backend takes other messages perhaps, but not this one."""


class MessageFailedError(MessageRefusedError):
    """The backend failed on this message; the same bytes may succeed later."""


class ProtocolError(BackendError):
    """A message is not valid Open Inference Protocol v2."""


class ModelLoadError(BackendError):
    """A model file could not be served."""


class PortTakenError(BackendError):
    """The address to listen on is in use."""


class ModelNotFoundError(BackendError):
    """The repository holds no such model or version."""


class BodyTooLargeError(BackendError):
    """The request's body exceeds the limit."""


class SlowBodyError(BackendError):
    """The request's body did not come in the time it had."""


class DeadlineError(BackendError):
    """The request was not answered in the time it had."""


class ModelFailedError(BackendError):
    """The model raised an error on this input."""


class QueueFullError(BackendError):
    """Too many requests wait for this model."""


class EngineMissingError(BackendError):
    """A model server that others have made is not installed, or could not be."""


class EngineFailedError(BackendError):
    """An engine did not start, ended by itself, or does not answer as its models do."""
