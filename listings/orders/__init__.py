"""Orders on Reverb: read, made in the store, and told about parcels."""
