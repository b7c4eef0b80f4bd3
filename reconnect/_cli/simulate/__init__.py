"""A herd of clients that loses a server and comes back."""
