"""Type with the model, and break the line while you do."""
