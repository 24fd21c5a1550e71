"""``python -m obfnet.serving``, as ``obfnet serve`` without flags."""

from obfnet.serving.process import main

if __name__ == "__main__":
    raise SystemExit(main())
