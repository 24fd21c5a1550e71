"""``python -m obfnet.serving``."""

from obfnet.serving.process import main

if __name__ == "__main__":
    raise SystemExit(main())
