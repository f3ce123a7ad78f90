"""Below the doors of `codec`: opening, packets, the index, decoding, and what headers tell."""
