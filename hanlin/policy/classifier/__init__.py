from hanlin.policy.classifier.embedded import embedded
from hanlin.policy.classifier.judge import Classifier, ClassifierJudge

__all__ = ["Classifier", "ClassifierJudge", "embedded"]
