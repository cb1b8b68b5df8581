"""Every setting, where it comes from, and what is wrong with it."""
