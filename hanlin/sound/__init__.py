"""Sound of any kind made into one form: 16 kHz, one channel, 16 bits; where somebody speaks, how loud it is."""

from hanlin.sound.decoding import Limits, Sound, decode
from hanlin.sound.speech import speech
from hanlin.sound.wave import SAMPLE_RATE, clip, create, peaks, read, seconds

__all__ = ["SAMPLE_RATE", "Limits", "Sound", "clip", "create", "decode", "peaks", "read", "seconds", "speech"]
