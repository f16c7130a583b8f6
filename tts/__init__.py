"""Text to speech: what makes a script of words, pauses and tones into a sound file."""
