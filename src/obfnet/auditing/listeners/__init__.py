"""Speech recognisers of others that never heard obfuscated sound."""
