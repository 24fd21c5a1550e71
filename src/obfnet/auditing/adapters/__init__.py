"""Whatever turns x into x' as a subject of an audit; one file for each kind of thing."""

from obfnet.auditing.adapters.anything import Auditable, subject_of
from obfnet.auditing.adapters.forged import smooth, with_kin

__all__ = ["Auditable", "smooth", "subject_of", "with_kin"]
