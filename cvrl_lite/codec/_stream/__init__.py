"""Private parts of `codec`: opening files, packets, headers, the index, decoding, and inner loops."""
