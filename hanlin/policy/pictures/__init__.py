"""What a picture shows and says: an open network for pornography, and the text that stands in it."""

from hanlin.policy.pictures.look import PictureVerdict, available, look, not_installed

__all__ = ["PictureVerdict", "available", "look", "not_installed"]
