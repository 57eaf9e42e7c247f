"""Makes what the reader and the calibration ship. Runs by hand, never when serving."""
