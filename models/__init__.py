"""Text and arrays only: the encoder, the signal heads, calibration and language detection."""
