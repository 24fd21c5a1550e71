"""What forging minimises: named terms with weights, for K ObfNets side by side.

objective = build({"cross-entropy": 1.0, "attribute:speaker": 0.5}, nets=8, ...)
parameters = [*encoders.parameters(), *objective.parameters()]
optimiser = Adam(parameters, betas=objective.betas)
objective(batch).sum().backward()      # one pass for the encoders and their adversaries
"""

from obfnet.forging.objectives.batch import Batch
from obfnet.forging.objectives.building import build
from obfnet.forging.objectives.objective import Objective
from obfnet.forging.objectives.term import Factory, Setting, Term

__all__ = ["Batch", "Factory", "Objective", "Setting", "Term", "build"]
