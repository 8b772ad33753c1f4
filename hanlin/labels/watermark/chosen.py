"""The watermarks that are written and looked for. Who has weights of another names it here, in the same Protocol."""

from __future__ import annotations

from hanlin.labels.watermark.picture import TileWatermark
from hanlin.labels.watermark.protocol import PictureWatermark, SoundWatermark
from hanlin.labels.watermark.sound import PatchworkWatermark

PICTURE: PictureWatermark = TileWatermark()
SOUND: SoundWatermark = PatchworkWatermark()
