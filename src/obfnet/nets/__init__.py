"""InfNets and ObfNets: architectures without training loops, and what freezes a model."""
