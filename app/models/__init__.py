"""The models that can be chosen: their cards, importing and removing them, and the device to compute on."""
