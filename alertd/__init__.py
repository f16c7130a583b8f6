"""alertd: one alert, every channel, one honest tally."""
