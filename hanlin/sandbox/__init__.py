from hanlin.sandbox.sandbox import Ceilings, Sandbox

__all__ = ["Ceilings", "Sandbox"]
