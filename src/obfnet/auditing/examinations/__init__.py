"""What an audit measures beside reconstructions and attributes."""
