"""What ``python -m reconnect`` runs."""
