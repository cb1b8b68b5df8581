"""Where a camera leaves its GPS fixes: one module per family of layouts; `inside.py` tries them in order."""
