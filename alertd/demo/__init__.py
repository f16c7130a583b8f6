"""The demo: a city of its own making and far ends that are simulated, labelled as such."""
