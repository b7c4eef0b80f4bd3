"""What was said, what the server has of it, and what is written next. Pure."""
