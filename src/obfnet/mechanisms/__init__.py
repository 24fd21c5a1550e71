"""The only place that limits what leaves a device, and what each limit certifies."""
