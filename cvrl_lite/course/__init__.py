"""What the course shows: figures and widgets over plain arrays."""
